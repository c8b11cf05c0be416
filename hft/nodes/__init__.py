"""The nodes of the graph, one module each: wiring only. Read this folder to see the system.

Each module has `build(context)`, which joins the node's agent to its rings and its configuration.
`python -m hft.nodes` is the process that hosts some of them; `launch` starts it.
"""
