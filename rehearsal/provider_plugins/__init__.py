"""Pulumi provider plugins that create their resources in the rehearsal's emulated clouds.

Pulumi's own plugins for AWS, Azure and Google Cloud call the real clouds, so a rehearsal has plugins of the same names and
versions. The CLI loads them from its plugin directory, where :mod:`rehearsal.provider_plugins.installation` puts them.
"""
