"""The programs a rehearsal needs: found on the machine, else built once from their Go modules and kept in the user's cache."""
