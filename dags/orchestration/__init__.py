"""What the DAG files share: declared systems, default arguments and the tasks' few lines."""
