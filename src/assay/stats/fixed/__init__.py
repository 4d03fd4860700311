"""Tests for one look fixed in advance."""
