"""The frame of the stand-in cloud providers: everything of Pulumi's provider protocol that no cloud differs in.

A cloud's package (``rehearsal.providers.aws`` is the model to follow) declares

* a :class:`~rehearsal.providers.standin.resource.Resource` for each type: its token, its inputs with the vendor's own
  constraints, and create, read, update, delete against the cloud's API;
* a function for each invoke;
* one :class:`~rehearsal.providers.standin.package.Package` that lists them and says how to connect,

and a ``__main__`` that calls :func:`~rehearsal.providers.standin.run.run`. The executable in ``rehearsal/providers/bin``
hands its package's name to ``stand-in``. Checking, defaults, automatic names, comparing, previews with unknowns, secrets, import
and errors are the frame's.

What a type accepts comes from the vendor's model of it, never from what this project's components happen to send: a
component that sends something wrong has to fail here as it would there.
"""
