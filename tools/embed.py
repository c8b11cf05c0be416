"""How a C program is compiled that embeds the Python that runs this."""

import sysconfig


def include_flags() -> list[str]:
    return [f"-I{sysconfig.get_path('include')}"]


def link_flags() -> list[str]:
    """What `python3-config --ldflags --embed` says, of the Python that runs."""
    flags = [
        f"-L{variable('LIBDIR')}",
        f"-L{variable('LIBPL')}",
        f"-lpython{variable('LDVERSION')}",
    ]
    if variable("Py_ENABLE_SHARED") == "1":
        return [*flags, f"-Wl,-rpath,{variable('LIBDIR')}"]
    return [*flags, *" ".join(map(variable, ("LIBS", "SYSLIBS", "LINKFORSHARED"))).split()]


def variable(name: str) -> str:
    return str(sysconfig.get_config_var(name) or "")
