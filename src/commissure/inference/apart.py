"""Values without neighbours, such as the means of regions, tested as maps are."""

from dataclasses import dataclass

from scipy import sparse


@dataclass(frozen=True)
class Apart:
    """What permutation tests need of a domain, for values that form no clusters.

    Attributes
    ----------
    n_places : int
        How many values a scan has.
    """

    n_places: int

    def neighbours(self, connectivity: int) -> sparse.csr_array:
        """Return the graph of none, whatever the connectivity: shape (n_places, n_places)."""
        del connectivity
        return sparse.csr_array((self.n_places, self.n_places))
