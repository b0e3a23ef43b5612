"""Pulumi's AWS provider for the emulated AWS: the types of the stock ``pulumi-aws`` SDK that the components use, made through
boto3.

What a type accepts is botocore's service model (lengths, patterns, choices, required members) and, where that has
nothing, the schema of pulumi-aws (what replaces, what defaults). Where the API is: ``REHEARSAL_AWS_ENDPOINT``; without it
the provider checks, compares and previews, and every call reports what is missing. It never falls back to the real AWS.
"""
