"""What `checker_speed.py` runs: the models in each tool's own terms, the tools, and the chart."""
