"""tools/tune_host.sh: what it changes, it remembers first and takes back exactly.

Most tests give it a file tree in place of the host's (`--root`), tests/host_tree.py.
"""

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hft.core.ring import Ring
from tests.host_tree import CORES, HOST, REBOOTED, contents, plant
from tools.host_needs import needs

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]
TUNE = ROOT / "tools/tune_host.sh"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tree; with a `sync` that does nothing, as no test looks at a disk."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sync").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return plant(tmp_path / "host", HOST)


def tune(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [TUNE, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "120", **environment},
    )
    # Whatever happens, what is said is said in words.
    assert done.returncode != 2 or len(done.stderr.splitlines()) == 1
    assert not done.stderr or re.fullmatch(r"tune_host: error: .*\n", done.stderr)
    assert ".sh: line" not in done.stdout
    return done


def on(host: Path, command: str, *more: str | Path, cores: str = CORES, **environment: str):
    named = [] if command == "--revert" else ["--cores", cores]
    return tune(command, "--root", host, *named, *more, **environment)


def unprivileged(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """As somebody for whom the bits of a mode hold, as root does not."""
    if os.geteuid() != 0:
        return tune(*arguments)
    drop = ("setpriv", "--bounding-set=-dac_override", "--")
    return subprocess.run([*drop, TUNE, *arguments], capture_output=True, text=True)


def value(host: Path, name: str) -> str:
    return (host / name).read_text().strip()


def row(output: str, name: str) -> str:
    """The line of a setting."""
    found = re.search(rf"^(\w.*?) +{name} .*$", output, re.MULTILINE)
    assert found, output
    return found[0]


def test_check_says_what_is_there_and_what_should_be(host):
    before = contents(host)
    done = on(host, "--check")
    assert done.returncode == 1
    assert row(done.stdout, "swappiness").split()[:5] == ["improve", "swappiness", "60", "->", "1"]
    assert row(done.stdout, "tcp_rmem").split()[2:5] == ["6291456", "->", "16777216"]
    assert row(done.stdout, "isolation").startswith("by hand")
    boot = "isolcpus=managed_irq,domain,2-5 nohz_full=2-5 rcu_nocbs=2-5 irqaffinity=0-1,6-7"
    assert boot in " ".join(done.stdout.split())
    assert row(done.stdout, "rt_runtime").startswith("good")
    assert contents(host) == before


def test_apply_sets_what_is_recommended_and_nothing_else(host):
    before = contents(host)
    done = on(host, "--apply")
    assert done.returncode == 0
    expected = {
        "proc/sys/kernel/timer_migration": "0",
        "proc/sys/kernel/soft_watchdog": "0",
        "proc/sys/kernel/nmi_watchdog": "0",
        "proc/sys/kernel/numa_balancing": "0",
        "proc/sys/vm/stat_interval": "120",
        "proc/sys/vm/swappiness": "1",
        "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": needs()["huge_pages"],
        "proc/sys/vm/compaction_proactiveness": "0",
        "proc/sys/net/core/rmem_max": "16777216",
        "proc/sys/net/core/wmem_max": "16777216",
        "proc/sys/net/core/netdev_max_backlog": "10000",
        "proc/sys/net/core/busy_poll": "50",
        "proc/sys/net/core/busy_read": "50",
        "proc/sys/net/core/default_qdisc": "fq",
        "proc/sys/net/ipv4/tcp_rmem": "4096 131072 16777216",
        "proc/sys/net/ipv4/tcp_wmem": "4096 16384 16777216",
        "proc/sys/net/ipv4/tcp_congestion_control": "bbr",
        "proc/sys/net/ipv4/tcp_slow_start_after_idle": "0",
        "proc/sys/net/ipv4/tcp_autocorking": "0",
        "proc/irq/24/smp_affinity_list": "0-1,6-7",
        "proc/irq/25/smp_affinity_list": "0-1,6-7",
        "sys/devices/system/cpu/intel_pstate/no_turbo": "0",
        "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
        "sys/kernel/mm/transparent_hugepage/enabled": "madvise",
        "sys/kernel/mm/transparent_hugepage/shmem_enabled": "advise",
        "sys/kernel/mm/ksm/run": "0",
    }
    for number in range(2, 6):
        expected[f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_governor"] = "performance"
        expected[f"sys/devices/system/cpu/cpu{number}/power/pm_qos_resume_latency_us"] = "2"
    after = contents(host)
    changed = {name: value(host, name) for name in before if after[name] != before[name]}
    assert changed == expected
    new = {name for name in after if name not in before and (host / name).is_file()}
    ban = "run/systemd/system/irqbalance.service.d/90-hft.conf"
    assert new == {ban, "var/lib/hft/tune_host.state"}
    assert (host / ban).read_text() == "[Service]\nEnvironment=IRQBALANCE_BANNED_CPULIST=2-5\n"


@pytest.mark.parametrize("command", ["--apply", "--persist"])
def test_again_changes_nothing(host, command):
    assert on(host, command).returncode == 0
    first = contents(host)
    again = on(host, command)
    assert again.returncode == 0
    assert "settings changed: 0\n" in again.stdout
    assert contents(host) == first


@pytest.mark.parametrize("commands", [["--apply"], ["--persist"], ["--apply", "--persist"]])
def test_revert_leaves_the_tree_as_it_was(host, commands):
    """Byte for byte, also what --persist wrote, and no state is left."""
    before = contents(host)
    for command in commands:
        assert on(host, command).returncode == 0
    assert contents(host) != before
    done = on(host, "--revert")
    assert done.returncode == 0
    assert contents(host) == before
    again = on(host, "--revert")
    assert again.returncode == 0
    assert again.stdout.startswith("nothing to revert")


def test_revert_after_several_applies_restores_the_first_values(host):
    before = contents(host)
    on(host, "--apply", "--only", "cpu,swappiness", cores="2,3")
    on(host, "--apply", "--only", "network,cpu", cores="4,5")
    on(host, "--persist", cores="2-5")
    on(host, "--persist", cores="4,5")  # its own files, written anew
    assert on(host, "--revert").returncode == 0
    assert contents(host) == before


def test_all_good_is_exit_code_0(host):
    """After --persist and the reboot that it asks for."""
    assert on(host, "--apply").returncode == 0
    assert value(host, "proc/sys/kernel/timer_migration") == "0"
    assert on(host, "--persist").returncode == 0
    # With the tick gone from the cores, timers had better leave them: kept for then.
    assert value(host, "proc/sys/kernel/timer_migration") == "1"
    assert "timer_migration = 1\n" in (host / "etc/sysctl.d/90-hft.conf").read_text()
    plant(host, REBOOTED)
    done = on(host, "--check")
    assert done.returncode == 0, done.stdout
    assert ", 0 to improve with --apply, 0 by hand, 0 locked," in done.stdout


# Killed at the moment at which it has written down what it will change next.
KILLER = """#!/bin/sh
left=$(($(cat "$LEFT") - 1))
echo $left >"$LEFT"
[ $left -gt 0 ] || kill -9 $PPID
"""


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.soak), 3])
def test_revert_after_a_kill_at_any_moment(host, tmp_path, step):
    """Whatever was under way: what was changed is known, and taken back."""
    before = contents(host)
    (tmp_path / "bin/sync").unlink()
    (tmp_path / "bin/sync").write_text(KILLER)
    (tmp_path / "bin/sync").chmod(0o755)
    left = tmp_path / "left"
    # Of each kind of change one or two.
    only = "governor,interrupts,irqbalance,isolation,shmem_hugepage,swappiness,memlock"

    def persist(until: int) -> int:
        left.write_text(str(until))
        return on(host, "--persist", "--only", only, LEFT=str(left)).returncode

    killed = 1
    while persist(killed) == -9:
        assert on(host, "--revert").returncode == 0
        assert contents(host) == before, f"killed at change {killed}"
        killed += step
    assert killed > 15
    assert on(host, "--revert").returncode == 0
    # And carried on after the kill.
    assert persist(killed // 2) == -9
    assert persist(1000) == 0
    assert on(host, "--revert").returncode == 0
    assert contents(host) == before


def test_torn_line_of_the_state_is_of_no_change(host):
    before = contents(host)
    on(host, "--apply", "--only", "swappiness")
    state = host / "var/lib/hft/tune_host.state"
    with state.open("a") as file:
        file.write("value|7c9f5f4e-first|/proc/sys/vm/stat_inter")
    assert on(host, "--apply", "--only", "stat_interval").returncode == 0
    assert "stat_inter\n" not in state.read_text()
    with state.open("a") as file:
        file.write("file|/etc/defau")
    assert on(host, "--revert").returncode == 0
    assert contents(host) == before


def test_what_cannot_be_written_is_said_in_a_line(host):
    locked = host / "proc/sys/vm/swappiness"
    locked.chmod(0o444)
    before = contents(host)
    assert row(on(host, "--check").stdout, "swappiness").startswith("locked")
    done = on(host, "--apply")
    assert done.returncode == 1
    assert "swappiness: locked: this host does not let it be changed\n" in done.stdout
    assert value(host, "proc/sys/vm/stat_interval") == "120"
    assert on(host, "--revert").returncode == 0
    assert contents(host) == before


def test_what_the_kernel_refuses_is_said_in_a_line(host):
    """Here a real file of the kernel stands for another, which takes no 10,000."""
    odd = host / "proc/sys/net/core/netdev_max_backlog"
    odd.unlink()
    odd.symlink_to("/proc/self/oom_score_adj")
    before = {name: text for name, text in contents(host).items() if "/proc/self" not in text}
    done = on(host, "--persist")
    assert done.returncode == 1
    assert "netdev_max_backlog: the kernel refuses it for 1 of 1\n" in done.stdout
    assert "backlog" not in (host / "etc/sysctl.d/90-hft.conf").read_text()
    assert on(host, "--revert").returncode == 0
    after = {name: text for name, text in contents(host).items() if "/proc/self" not in text}
    assert after == before


def test_interrupt_that_the_kernel_keeps_is_not_asked_for_again(host):
    """It refuses to move its own; that is said, and is no failure."""
    kept = host / "proc/irq/25/smp_affinity_list"
    kept.unlink()
    kept.symlink_to("/proc/self/oom_score_adj")  # reads as core 0, and takes no list
    done = on(host, "--apply", "--only", "interrupts", cores="0,2-5")
    assert done.returncode == 0
    assert "interrupts: the kernel refuses it for 1 of 2\n" in done.stdout
    checked = on(host, "--check", "--only", "interrupts", cores="0,2-5")
    assert checked.returncode == 0
    assert "the kernel keeps 1 of its own" in checked.stdout


def test_host_that_has_nothing_of_it(tmp_path):
    """No cpufreq, no sysctl, nothing: each is said in a line, and nothing is made."""
    bare = plant(tmp_path / "bare", {"sys/devices/system/cpu/online": "0-7"})
    before = contents(bare)
    done = on(bare, "--apply")
    assert done.returncode == 0
    assert "governor: absent: no cpufreq here: " in done.stdout
    assert "swappiness: absent: this kernel has no /proc/sys/vm/swappiness\n" in done.stdout
    assert all(": " in line for line in done.stdout.splitlines()[1:])
    assert contents(bare) == before


def test_two_cores_have_none_to_spare(host):
    plant(host, {"sys/devices/system/cpu/online": "0-1"})
    done = tune("--check", "--root", host)  # hft.launch's cores, as far as they exist
    assert done.stdout.startswith("cores that trade: 0-1; the others: none\n")
    for name in ("isolation", "interrupts", "irqbalance"):
        assert row(done.stdout, name).startswith("absent")


def test_huge_pages_are_those_of_the_cores_nodes(host):
    """A ring's memory is on the node of the core that reads it."""
    pages = "sys/devices/system/node/node{}/hugepages/hugepages-2048kB/nr_hugepages"
    plant(host, {"sys/devices/system/node/node0/cpulist": "0-1,4-5",
                 "sys/devices/system/node/node1/cpulist": "2-3,6-7",
                 pages.format(0): "0", pages.format(1): "0"})  # fmt: skip
    assert on(host, "--apply", "--only", "hugepages", cores="2,3").returncode == 0
    assert (value(host, pages.format(0)), value(host, pages.format(1))) == (
        "0", needs()["huge_pages"]
    )  # fmt: skip


def test_without_a_build_the_cores_must_be_named(host, tmp_path):
    """The default is hft.launch's own, which an unbuilt one can't say; nor what rings need."""
    shutil.copytree(ROOT / "tools", tmp_path / "clone/tools")
    unbuilt = tmp_path / "clone/tools/tune_host.sh"
    done = subprocess.run([unbuilt, "--check", "--root", host], capture_output=True, text=True)
    assert done.returncode == 2
    assert re.fullmatch(r"tune_host: error: hft cannot be asked.*: make build, .*\n", done.stderr)
    done = subprocess.run(
        [unbuilt, "--check", "--root", host, "--cores", CORES], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (1, "")
    for name in ("hugepages", "shared_memory", "memlock"):
        assert row(done.stdout, name).startswith("absent")


def test_larger_values_stay(host):
    """At least, at most: nothing is made worse."""
    large = {
        "proc/sys/vm/swappiness": "0",
        "proc/sys/vm/stat_interval": "600",
        "proc/sys/net/core/rmem_max": "67108864",
        "proc/sys/net/ipv4/tcp_rmem": "4096\t131072\t33554432",
        "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "1024",
        "sys/devices/system/cpu/cpu2/power/pm_qos_resume_latency_us": "n/a",
    }
    plant(host, large)
    assert on(host, "--apply").returncode == 0
    assert {name: value(host, name) for name in large} == large


def test_what_somebody_else_changed_since_stays(host):
    on(host, "--persist")
    plant(host, {"proc/sys/vm/swappiness": "33", "etc/sysctl.d/90-hft.conf": "mine"})
    done = on(host, "--revert")
    assert done.returncode == 0
    assert "/proc/sys/vm/swappiness: somebody else made it 33 since, it stays (was 60)\n" in (
        done.stdout
    )
    assert value(host, "proc/sys/vm/swappiness") == "33"
    assert value(host, "etc/sysctl.d/90-hft.conf") == "mine"
    assert value(host, "proc/sys/vm/stat_interval") == "1"


def test_interrupts_of_an_earlier_boot_are_left(host):
    """Their numbers may be those of others now."""
    on(host, "--apply", "--only", "interrupts,swappiness")
    plant(host, {"proc/sys/kernel/random/boot_id": "a4d0-second"})
    done = on(host, "--revert")
    assert done.returncode == 0
    assert "interrupts: 2 changes were of an earlier boot\n" in done.stdout
    assert value(host, "proc/irq/25/smp_affinity_list") == "0-1,6-7"
    assert value(host, "proc/sys/vm/swappiness") == "60"


def test_what_cannot_be_restored_stays_remembered(host):
    """What is not taken back is said, and the next --revert tries again."""
    before = contents(host)
    on(host, "--apply")
    file = host / "proc/sys/net/core/netdev_max_backlog"
    file.chmod(0o444)
    file.parent.chmod(0o555)
    done = unprivileged("--revert", "--root", host)
    file.parent.chmod(0o755)
    file.chmod(0o644)
    assert done.returncode == 1
    assert "backlog: the kernel does not take 1000 back, it stays 10000\n" in done.stdout
    assert value(host, "proc/sys/vm/swappiness") == "60"
    state = (host / "var/lib/hft/tune_host.state").read_text()
    assert [line.split("|")[2] for line in state.splitlines() if line.startswith("value")] == [
        "/proc/sys/net/core/netdev_max_backlog"
    ]
    assert on(host, "--revert").returncode == 0
    assert contents(host) == before


def test_files_that_were_there_come_back(host):
    mine = {"etc/sysctl.d/90-hft.conf": "# mine\nvm.swappiness = 7",
            "etc/default/grub.d/90-hft.cfg": "# mine"}  # fmt: skip
    plant(host, mine)
    (host / "etc/sysctl.d/90-hft.conf").chmod(0o600)
    before = contents(host)
    on(host, "--persist")
    assert {name: value(host, name) for name in mine} != mine
    assert on(host, "--revert").returncode == 0
    assert contents(host) == before


def test_persisted_files_say_what_was_set(host):
    """sysctl.d the values of /proc/sys, the unit those of /sys, grub.d the boot line."""
    done = on(host, "--persist")
    assert done.returncode == 0
    sysctl = dict(
        line.split(" = ")
        for line in (host / "etc/sysctl.d/90-hft.conf").read_text().splitlines()
        if not line.startswith("#")
    )
    for key, text in sysctl.items():
        assert value(host, "proc/sys/" + key.replace(".", "/")) == text
    assert {"vm.swappiness", "kernel.soft_watchdog", "net.ipv4.tcp_rmem"} <= set(sysctl)
    unit = (host / "etc/systemd/system/hft-tune.service").read_text()
    written = re.findall(r"^ExecStart=-/bin/sh -c 'echo (\S+) >(/sys\S+)'$", unit, re.MULTILINE)
    assert (
        len(written) == 4 + 4 + 1 + 1 + 1 + 2 + 1
    )  # governor, C-states, turbo, clock, pages, THP, KSM
    for text, path in written:
        assert value(host, path[1:]) == text
    assert "for i in /proc/irq/*/smp_affinity_list; do echo 0-1,6-7 >$$i; done" in unit
    link = host / "etc/systemd/system/multi-user.target.wants/hft-tune.service"
    assert str(link.readlink()) == "/etc/systemd/system/hft-tune.service"
    grub = subprocess.run(
        ["sh", "-c", '. ./grub; . ./grub.d/90-hft.cfg; echo "$GRUB_CMDLINE_LINUX_DEFAULT"'],
        cwd=host / "etc/default", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert grub.stdout == (
        "quiet isolcpus=managed_irq,domain,2-5 nohz_full=2-5 rcu_nocbs=2-5 irqaffinity=0-1,6-7\n"
    )
    limits = (host / "etc/security/limits.d/90-hft.conf").read_text().splitlines()[-1].split()
    assert limits[1:3] == ["-", "memlock"]
    assert int(limits[3]) * 1024 >= int(needs()["shared_bytes"])


def test_persist_says_what_this_host_cannot_keep(host):
    """No systemd, no GRUB: said, and the rest is done."""
    shutil.rmtree(host / "run")
    (host / "etc/default/grub").unlink()
    done = on(host, "--persist")
    assert done.returncode == 1
    assert "not written: no systemd runs here" in done.stdout
    assert "add to the kernel's command line: isolcpus=managed_irq,domain,2-5" in done.stdout
    assert (host / "etc/sysctl.d/90-hft.conf").exists()


@pytest.mark.parametrize("command", ["--apply", "--persist", "--revert"])
def test_dry_run_changes_nothing(host, command):
    if command == "--revert":
        on(host, "--persist")
    before = contents(host)
    done = on(host, command, "--dry-run")
    assert done.returncode == 0
    assert "would be 60 -> 1" in done.stdout or "would be 1 -> 60" in done.stdout
    assert contents(host) == before


def test_only_is_only(host):
    before = contents(host)
    on(host, "--apply", "--only", "swappiness,kernel")
    after = contents(host)
    changed = {name.split("/")[-1] for name in before if after[name] != before[name]}
    assert changed == {
        "swappiness", "timer_migration", "soft_watchdog", "nmi_watchdog", "stat_interval"
    }  # fmt: skip


def test_state_elsewhere(host, tmp_path):
    before = contents(host)
    on(host, "--apply", "--state", tmp_path / "a/b")
    assert not (host / "var").exists()
    assert (tmp_path / "a/b/tune_host.state").exists()
    assert on(host, "--revert").stdout.startswith("nothing to revert")
    assert on(host, "--revert", "--state", tmp_path / "a/b").returncode == 0
    assert contents(host) == before
    assert not (tmp_path / "a").exists()


def test_one_at_a_time(host, tmp_path):
    state = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(state, fcntl.LOCK_EX)
    done = on(host, "--apply", "--state", tmp_path)
    os.close(state)
    assert done.returncode == 2
    assert f"another tune_host.sh works with '{tmp_path}'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say --check, --apply, --persist or --revert"),
        (["--frob"], "unknown option '--frob'"),
        (["--check", "--apply"], "--apply: --check is given already"),
        (["--check", "--cores"], "--cores: must be followed by cores"),
        (["--check", "--cores", "two"], "must be cores, as 2,3 or 2-5, was 'two'"),
        (["--check", "--cores", "2,77"], r"must be cores of this host \(0-7\), was '2,77'"),
        (["--check", "--only", "swapiness"], "there is no setting 'swapiness'"),
        (["--check", "--root", "/nowhere"], "must be a directory, was '/nowhere'"),
        (["--check", "--dry-run"], "--check changes nothing anyway"),
        (["--revert", "--only", "swappiness"], "--revert undoes all"),
    ],
)
def test_wrong_usage_is_one_line(host, arguments, said):
    done = tune("--root", host, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.search(said, done.stderr)


@pytest.mark.parametrize("columns", [80, 120])
def test_table_keeps_to_the_width(host, columns):
    done = tune("--check", "--root", host, "--cores", CORES, COLUMNS=str(columns))
    assert max(map(len, done.stdout.splitlines())) <= columns


def test_ring_takes_what_the_host_is_asked_for(request):
    """What `tools.host_needs` adds up is what a ring really has."""
    name = f"hft.test-tune-{os.getpid()}"
    for slots in (8, 1 << 14, 1 << 16):
        segment = Ring.create_segment(name, slots, pages="never")
        segment.unlink(name)
        assert segment.size == Ring.segment_bytes(slots)


# The real host. Only settings whose change nobody notices.
HARMLESS = {"stat_interval": "vm/stat_interval", "swappiness": "vm/swappiness",
            "timer_migration": "kernel/timer_migration"}  # fmt: skip


def test_check_of_this_host():
    done = tune("--check")
    assert done.returncode in (0, 1)
    assert re.search(r"^\d+ good, \d+ to improve with --apply, ", done.stdout, re.MULTILINE)


def test_apply_and_revert_on_this_host(tmp_path):
    """Really changed, and really back."""
    files = {name: Path("/proc/sys") / path for name, path in HARMLESS.items()}
    if os.geteuid() != 0 or not all(os.access(path, os.W_OK) for path in files.values()):
        pytest.skip("takes root's right to change settings of this host")
    before = {name: path.read_bytes() for name, path in files.items()}
    keys = ("--state", tmp_path / "state")
    try:
        done = tune("--apply", "--only", ",".join(files), *keys)
        assert done.returncode == 0, done.stdout
        checked = tune("--check", "--only", ",".join(files))
        assert checked.returncode == 0, checked.stdout
        assert {path.read_bytes() for path in files.values()} != set(before.values())
    finally:
        done = tune("--revert", *keys)
    assert done.returncode == 0, done.stdout
    assert {name: path.read_bytes() for name, path in files.items()} == before
    assert not (tmp_path / "state").exists()
