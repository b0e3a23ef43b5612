"""What the types and rules of a stack file are made of."""
