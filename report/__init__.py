"""From ``pulumi preview --json`` to what a reviewer reads: a pull-request comment and a page with the access map.

It reads the CLI's own object, from whichever program printed it, and knows neither the components nor the rehearsal.
"""
