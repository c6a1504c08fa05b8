"""The parts of `tools/build_notebooks.py`: a lesson's source, its generated cells, its execution, its checks."""
