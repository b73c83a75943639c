"""dbt in this process: its project as a graph, its runs in a branch."""
