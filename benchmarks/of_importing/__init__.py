"""What benchmarks/import.py measures the pipeline against, and how much memory it takes."""
