"""Pulumi's Azure Native provider for the emulated Azure: the types of the stock ``pulumi-azure-native`` SDK that the components
use, made through Azure Resource Manager's REST API.

What a type accepts is the SDK's schema of it (names, structure, enumerations) and Azure's documented rules for names. What a
value may be beyond that, the emulator decides, as Azure does. Where the API is: ``REHEARSAL_AZURE_ENDPOINT``; without it
the provider checks, compares and previews, and every call reports what is missing. It never falls back to the real Azure.
"""
