"""Expectations: rules of single tables that their contract cannot say."""
