"""Policy packs (CrossGuard): processes of their own that judge each resource before it is made, and the stack at its end."""
