"""Words, laws, rewriting, closure: the algebra, free of tensors."""
