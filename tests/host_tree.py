"""A file tree in place of a host's, for tests of what tunes one.

Plain files are where the kernel has its own. A plain file takes whatever is written; the kernel
shows a choice again as one of several in brackets, so trees are compared by what is chosen.
"""

import re
from pathlib import Path

CORES = "2-5"
CHOICE = re.compile(r"\[([a-z_+]+)\]")

# A host of eight cores with everything that the tuner knows, nothing of it as recommended.
HOST = {
    "proc/sys/kernel/random/boot_id": "7c9f5f4e-first",
    "proc/sys/kernel/osrelease": "6.1.0-test",
    "proc/sys/kernel/timer_migration": "1",
    "proc/sys/kernel/soft_watchdog": "1",
    "proc/sys/kernel/nmi_watchdog": "1",
    "proc/sys/kernel/sched_rt_runtime_us": "950000",
    "proc/sys/kernel/numa_balancing": "1",
    "proc/sys/vm/stat_interval": "1",
    "proc/sys/vm/swappiness": "60",
    "proc/sys/vm/compaction_proactiveness": "20",
    "proc/sys/net/core/rmem_max": "212992",
    "proc/sys/net/core/wmem_max": "212992",
    "proc/sys/net/core/netdev_max_backlog": "1000",
    "proc/sys/net/core/busy_poll": "0",
    "proc/sys/net/core/busy_read": "0",
    "proc/sys/net/core/default_qdisc": "pfifo_fast",
    "proc/sys/net/ipv4/tcp_rmem": "4096\t131072\t6291456",
    "proc/sys/net/ipv4/tcp_wmem": "4096\t16384\t4194304",
    "proc/sys/net/ipv4/tcp_congestion_control": "cubic",
    "proc/sys/net/ipv4/tcp_available_congestion_control": "reno cubic",
    "proc/sys/net/ipv4/tcp_slow_start_after_idle": "1",
    "proc/sys/net/ipv4/tcp_autocorking": "1",
    "proc/mounts": "hugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0",
    "proc/irq/24/smp_affinity_list": "0-7",
    "proc/irq/25/smp_affinity_list": "3",
    "proc/irq/26/smp_affinity_list": "1",  # is off the cores already
    "proc/irq/27/smp_affinity_list": "0-7",
    "proc/irq/27/effective_affinity_list": "1",  # so is this
    "proc/irq/28/smp_affinity_list": "6",
    "proc/irq/28/effective_affinity_list": "2",  # leaves its core when it comes again
    "proc/irq/29/smp_affinity_list": "0-7",
    "proc/irq/29/effective_affinity_list": "",  # is not in use
    "sys/devices/system/cpu/online": "0-7",
    "sys/devices/system/cpu/isolated": "",
    "sys/devices/system/cpu/nohz_full": "(null)",
    "sys/devices/system/cpu/intel_pstate/no_turbo": "1",
    "sys/devices/system/cpu/cpuidle/current_driver": "intel_idle",
    "sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet acpi_pm",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet",
    "sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never",
    "sys/kernel/mm/transparent_hugepage/shmem_enabled": "always within_size [never] deny force",
    "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "0",
    "sys/kernel/mm/ksm/run": "1",
    "sys/devices/system/node/node0/cpulist": "0-7",
    "lib/modules/6.1.0-test/modules.dep": "kernel/net/ipv4/tcp_bbr.ko:",
    "lib/modules/6.1.0-test/modules.builtin": "kernel/net/sched/sch_fq.ko",
    "usr/lib/systemd/system/irqbalance.service": "[Service]",
    "etc/default/grub": 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"',
    "etc/sysctl.d/10-other.conf": "vm.swappiness = 60",
    "etc/security/limits.conf": "# none",
    "run/systemd/system/other": "",
    "dev/shm/other": "",
    "dev/hugepages/other": "",
    "etc/systemd/system/other": "",
} | {
    f"sys/devices/system/cpu/cpu{number}/{name}": value
    for number in range(8)
    for name, value in (("cpufreq/scaling_governor", "powersave"),
                        ("power/pm_qos_resume_latency_us", "0"))
}  # fmt: skip
REBOOTED = {  # with what --persist says of the command line
    "sys/devices/system/cpu/isolated": CORES,
    "sys/devices/system/cpu/nohz_full": CORES,
}


def plant(folder: Path, files: dict[str, str]) -> Path:
    """A file tree; each file ends as the kernel ends its own."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return folder


def contents(folder: Path) -> dict[str, str]:
    """All of a tree: names, modes, and bytes; of a choice, what is chosen."""
    tree = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            tree[name] = f"-> {path.readlink()}"
        elif path.is_dir():
            tree[name] = f"{path.stat().st_mode:o}"
        else:
            text = path.read_bytes().decode()
            chosen = CHOICE.search(text) if "transparent_hugepage" in name else None
            shown = chosen[1] + "\n" if chosen else text
            tree[name] = f"{path.stat().st_mode:o} {shown}"
    return tree
