"""The pages. Streamlit is imported in this package and nowhere else."""
