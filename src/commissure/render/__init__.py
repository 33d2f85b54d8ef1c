"""Values to figures and Word tables; knows no study."""
