"""The words of the domain: frozen, standard library only."""
