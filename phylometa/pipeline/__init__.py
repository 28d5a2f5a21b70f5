"""The stages of one patient in order, what they warn of, and the kernels they compile."""
