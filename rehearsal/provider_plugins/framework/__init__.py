"""What the provider plugins of all clouds share: everything of Pulumi's provider protocol in which no cloud differs.

A cloud's package (``rehearsal.provider_plugins.aws`` is the model to follow) declares

* a :class:`~rehearsal.provider_plugins.framework.resource.Resource` for each type: its token, its inputs with the vendor's
  constraints, and create, read, update, delete against the cloud's API;
* a function for each invoke;
* one :class:`~rehearsal.provider_plugins.framework.package.Package`, named ``PACKAGE`` in its module ``package``, that lists
  them and knows how to connect.

Checking, defaults, automatic names, comparing, previews with unknowns, secrets, import and errors are done here.

What a type accepts comes from the vendor's model of it, never from what this project's components happen to send: a
component that sends something wrong has to fail here as it would there.

The plugins use the gRPC stubs of the ``pulumi`` wheel and not its ``pulumi.provider.experimental``. That cannot marshal an
unknown (so no preview), does not hand on the old inputs (so a value that the cloud chose would be a difference), and puts
Python tracebacks into the cloud's error messages.
"""
