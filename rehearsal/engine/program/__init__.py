"""The program that is deployed, in a process of its own."""
