"""Pulumi's Google Cloud provider for the emulated Google Cloud: the types of the stock ``pulumi-gcp`` SDK that the components
use, made through its REST APIs.

What a type accepts is the schema of pulumi-gcp (what replaces, what defaults, which choices) and Google's discovery documents
``artifactregistry.v1`` and ``iam.v1``. Where the API is: ``REHEARSAL_GCP_ENDPOINT``; without it the provider checks, compares and
previews, and every call reports what is missing. It never falls back to the real Google Cloud.
"""
