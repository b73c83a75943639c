"""Inference: from files to the declaration of their feed, with every guess marked as one."""
