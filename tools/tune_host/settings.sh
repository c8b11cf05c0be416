# shellcheck shell=bash
# The settings: what each is to be, and why. Read by tune_host.sh.
#
# Sources are the kernel's documents, by their path in Documentation/. The reasons are shown to
# people (--check, --table) and so name none.
# shellcheck disable=SC2154,SC2034  # set by, or used in, its other parts

# The same file of each core that trades, as paths.
of_cores() {
    local cpu
    while read -r cpu; do
        printf '%s\n' "/sys/devices/system/cpu/cpu$cpu/$1"
    done < <(expand_cpus "$cores")
}

sysctl_path() { printf '/proc/sys/%s' "${1//.//}"; }

settings() {
    cpu_settings
    memory_settings
    kernel_settings
    network_settings
}

cpu_settings() {
    local paths cpu=/sys/devices/system/cpu no_speed

    # admin-guide/pm/cpufreq.rst. Cores that do not trade keep theirs: that leaves heat for turbo.
    no_speed="no cpufreq here: the firmware or the hypervisor sets the speed"
    mapfile -t paths < <(of_cores cpufreq/scaling_governor)
    absent=$no_speed setting cpu governor is performance \
        "a core that slows down when idle answers the next message slowly" "${paths[@]}"

    # admin-guide/pm/intel_pstate.rst, cpufreq.rst. The clock is not touched: an invariant TSC.
    if [[ -e $root$cpu/intel_pstate/no_turbo ]]; then
        setting cpu turbo is 0 "$turbo_why" $cpu/intel_pstate/no_turbo
    else
        absent=$no_speed setting cpu turbo is 1 "$turbo_why" $cpu/cpufreq/boost
    fi

    # admin-guide/pm/cpuidle.rst: the limit of one core, where /dev/cpu_dma_latency, which a
    # process has to hold open, is one of all cores. 2 µs lets C1 be and nothing deeper.
    mapfile -t paths < <(of_cores power/pm_qos_resume_latency_us)
    [[ $(current $cpu/cpuidle/current_driver || echo none) != none ]] || paths=()
    absent="no cpuidle driver here: an idle core is the hypervisor's" setting cpu c_states \
        latency 2 "µs to leave an idle state: of the deep ones, 100 and more" "${paths[@]}"

    isolation
    interrupts
    irqbalance

    absent="no TSC among the clocks of this host" setting cpu clocksource is tsc \
        "each other clock costs a trap or a slow read at every look" \
        "$([[ " $(current /sys/devices/system/clocksource/clocksource0/available_clocksource) " \
            != *" tsc "* ]] ||
            echo /sys/devices/system/clocksource/clocksource0/current_clocksource)"
}
turbo_why="the highest clock rate is the lowest latency"

boot_wanted='' # set if the boot line is to be persisted

# What belongs on the kernel's command line. admin-guide/kernel-parameters.txt: managed_irq keeps
# off the interrupts that smp_affinity cannot move, nohz_full stops the tick of a core with one
# task, rcu_nocbs moves RCU's callbacks. intel_idle.max_cstate is not needed: see c_states.
boot_line() {
    local line="isolcpus=managed_irq,domain,$cores"
    [[ ! -e $root/sys/devices/system/cpu/nohz_full ]] || line+=" nohz_full=$cores"
    printf '%s rcu_nocbs=%s irqaffinity=%s' "$line" "$cores" "$others"
}

# A cpuset partition (cgroup-v2.rst) would isolate without a reboot, but only for processes
# started inside it: launch, started elsewhere, would find these cores gone. So: the boot line.
isolation() {
    local here nohz why note='' verdict=good
    chosen cpu isolation || return 0
    why="the scheduler, the tick and RCU leave these cores to the processes that are pinned there"
    here=$(current /sys/devices/system/cpu/isolated) || here=''
    nohz=$(current /sys/devices/system/cpu/nohz_full) || nohz=$cores # a kernel without it
    if [[ -z $(cpus_not_in "$cores" "$here") && -z $(cpus_not_in "$cores" "$nohz") ]]; then
        :
    elif [[ -z $others ]]; then
        verdict=absent note="no core is left for the rest of the system"
    elif [[ -n $(cpus_in 0 "$cores") ]]; then
        verdict="by hand"
        note="core 0 keeps the time and cannot be isolated: choose others, with --cores here and "
        note+="--affinity of hft.launch"
    else
        verdict="by hand" boot_wanted=1
        note="boot with $(boot_line) (--persist writes it for GRUB)"
        [[ ! -e $root$grub_file ]] || note="$grub_file is written: update-grub and reboot"
        note+=", then start hft with --affinity $cores"
    fi
    report cpu isolation "${here:--}" "$cores" "$verdict" "$why" "$note"
}

# core-api/irq/irq-affinity.rst. What counts is the effective affinity; an interrupt that has
# none is not in use, and one that is to leave a core may do so only when it comes again. Those that
# the kernel refused to move in this boot are its own (per-CPU, or managed by their driver): they
# are said, not asked for again.
interrupts() {
    local why path asked at verdict=good note='' kept=0 on='' here_cores
    chosen cpu interrupts || return 0
    why="an interrupt stops the message that its core is working on"
    if [[ -z $others ]]; then
        report cpu interrupts - "not on $cores" absent "$why" "no core is left for them"
        return
    fi
    for path in "$root"/proc/irq/[0-9]*/smp_affinity_list; do
        [[ -e $path ]] || continue
        path=${path#"$root"}
        asked=$(current "$path") || continue
        at=$(current "${path%/*}/effective_affinity_list") || at=$asked
        here_cores=$(cpus_in "$at" "$cores")
        [[ -n $here_cores && -n $(cpus_in "$asked" "$cores") ]] || continue
        if was_refused "$path"; then
            kept=$((kept + 1))
        elif { ((EUID == 0)) || [[ -n $root ]]; } && ! writable "$path"; then
            on+=",$here_cores"
            [[ $verdict == improve ]] || verdict=locked
        else
            on+=",$here_cores"
            verdict=improve
            change_name+=(interrupts) change_path+=("$path") change_value+=("$others")
        fi
    done
    [[ $verdict != locked ]] || note="this host does not let them be moved"
    ((kept == 0)) || note="the kernel keeps $kept of its own where they are"
    on=${on#,}
    [[ -z $on ]] || on="on $(sort_cpus <<<"$on")"
    report cpu interrupts "${on:-none there}" "not on $cores" "$verdict" "$why" "$note"
}

irqbalance_wanted='' # set if it is ours to say which cores are banned

irqbalance() {
    local unit why found file
    chosen cpu irqbalance || return 0
    why="else irqbalance moves interrupts back to the cores that trade"
    unit=$(find "$root"/{usr/,}lib/systemd/system/irqbalance.service 2>/dev/null)
    if [[ -z $unit || -z $others ]]; then
        report cpu irqbalance - "bans $cores" absent "$why" \
            "$([[ -z $unit ]] && echo "not installed: nothing moves interrupts back" ||
                echo "no core is left for interrupts")"
        return
    fi
    for file in "/etc/default/irqbalance" "$irqbalance_kept" "$irqbalance_now"; do
        found=$(sed -n 's/^\(Environment=\)\?"\?IRQBALANCE_BANNED_CPULIST="\?\([0-9,-]\+\).*/\2/p' \
            "$root$file" 2>/dev/null | tail -n 1)
        [[ -z $found ]] || break # the first of them wins
    done
    [[ -n $found && $file == /etc/default/irqbalance ]] || irqbalance_wanted=1
    if [[ -n $found && -z $(cpus_not_in "$cores" "$found") ]]; then
        report cpu irqbalance "bans $found" "bans $cores" good "$why"
    elif [[ -z $irqbalance_wanted ]]; then
        report cpu irqbalance "bans $found" "bans $cores" "by hand" "$why" \
            "/etc/default/irqbalance has a list of its own: write IRQBALANCE_BANNED_CPULIST=$cores"
    else
        report cpu irqbalance "bans ${found:-none}" "bans $cores" improve "$why"
    fi
}

unbuilt="hft cannot be asked for the size of its rings: make build"

memory_settings() {
    local paths thp=/sys/kernel/mm/transparent_hugepage pages=${needs[huge_pages]:-}

    hugetlbfs
    # admin-guide/mm/hugetlbpage.rst. The number is what the rings of one run fill.
    mapfile -t paths < <([[ -z $(hugetlbfs_mount) ]] || huge_page_paths)
    if [[ -z $pages ]]; then
        ! chosen memory hugepages || report memory hugepages - "as the rings need" absent \
            "$hugepages_why" "$unbuilt"
    else
        absent="no hugetlbfs at /dev/hugepages, where they would be taken from" \
            setting memory hugepages at_least "$pages" "$hugepages_why" "${paths[@]}"
    fi

    # admin-guide/mm/transhuge.rst: hft asks for its own segments (madvise, collapse).
    setting memory transparent_hugepage is madvise \
        "those who ask get huge pages; for all others the kernel joins no pages behind their back" \
        $thp/enabled
    setting memory shmem_hugepage is advise \
        "rings that get no page of hugetlbfs may have joined ones" $thp/shmem_enabled

    # admin-guide/sysctl/vm.rst: swappiness, compaction_proactiveness ("latency spikes in
    # unsuspecting applications"); kernel.rst: numa_balancing; mm/ksm.rst.
    setting memory swappiness at_most 1 \
        "a page that was swapped out costs milliseconds to bring back" \
        "$(sysctl_path vm.swappiness)"
    setting memory compaction is 0 "moving pages in the background stalls who uses them" \
        "$(sysctl_path vm.compaction_proactiveness)"
    setting memory same_page_merging is 0 \
        "merged pages are copied again at the first write, in a page fault" /sys/kernel/mm/ksm/run
    setting memory numa_balancing is 0 \
        "it unmaps pages to see who uses them: a page fault on the hot path" \
        "$(sysctl_path kernel.numa_balancing)"
    shared_memory
    memlock
}
hugepages_why="a ring in 2 MiB pages needs few TLB entries, and hugetlbfs is never swapped"

# Where the number of 2 MiB pages is set: for the host, or if it has several NUMA nodes, for those
# of the cores that trade, where a ring's memory is.
huge_page_paths() {
    local nodes=("$root"/sys/devices/system/node/node[0-9]*) node
    if ((${#nodes[@]} == 1)); then
        echo /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
        return
    fi
    for node in "${nodes[@]}"; do
        node=${node#"$root"}
        [[ -z $(cpus_in "$cores" "$(current "$node/cpulist")") ]] ||
            echo "$node/hugepages/hugepages-2048kB/nr_hugepages"
    done
}

# Options of the hugetlbfs at /dev/hugepages, if there is one with pages of 2 MiB.
hugetlbfs_mount() {
    awk '$2 == "/dev/hugepages" && $3 == "hugetlbfs" && $4 !~ /pagesize=1/ { print $4 }' \
        "$root/proc/mounts" 2>/dev/null | tail -n 1
}

hugetlbfs() {
    local options why user=${SUDO_USER:-}
    chosen memory hugetlbfs || return 0
    why="hft takes huge pages from there, as the user who runs it"
    options=$(hugetlbfs_mount)
    if [[ ! -e $root/sys/kernel/mm/hugepages/hugepages-2048kB ]]; then
        report memory hugetlbfs - mounted absent "$why" "this kernel has no huge pages of 2 MiB"
    elif [[ -z $options ]]; then
        report memory hugetlbfs - mounted "by hand" "$why" "mkdir -p /dev/hugepages && mount -t \
hugetlbfs -o mode=1777,pagesize=2M hugetlbfs /dev/hugepages"
    elif { [[ -z $user ]] && [[ ! -w $root/dev/hugepages ]]; } || { [[ -n $user ]] &&
        ! runuser -u "$user" -- test -w "$root/dev/hugepages" 2>/dev/null; }; then
        report memory hugetlbfs "not ours" mounted "by hand" "$why" \
            "${user:-this user} may not write there: mount -o remount,mode=1777 /dev/hugepages"
    else
        report memory hugetlbfs mounted mounted good "$why"
    fi
}

# filesystems/tmpfs.rst: its size is a limit, nothing is taken for it.
shared_memory() {
    local need=${needs[shared_bytes]:-} size_kib need_mib why
    chosen memory shared_memory || return 0
    why="the rings of a run are there when hugetlbfs has too few pages"
    need_mib=$(((need + (1 << 20) - 1) >> 20))
    size_kib=$(df -kP "$root/dev/shm" 2>/dev/null | awk 'NR == 2 { print $2 }')
    if [[ -z $need ]]; then
        report memory shared_memory - "as the rings need" absent "$why" \
            "$unbuilt"
    elif [[ -z $size_kib ]]; then
        report memory shared_memory - "$need_mib MiB" absent "$why" "there is no /dev/shm"
    elif ((size_kib * 1024 >= need)); then
        report memory shared_memory "$((size_kib >> 10)) MiB" "$need_mib MiB" good "$why"
    else
        report memory shared_memory "$((size_kib >> 10)) MiB" "$need_mib MiB" "by hand" "$why" \
            "mount -o remount,size=$((2 * need_mib))M /dev/shm; of a container: --shm-size"
    fi
}

# getrlimit(2), limits.conf(5). Whoever has CAP_IPC_LOCK, as root has, needs no limit.
memlock() {
    local need=${needs[shared_bytes]:-} soft verdict=good note='' why
    chosen memory memlock || return 0
    why="locked rings are never swapped out"
    if [[ -z $need ]]; then
        report memory memlock - "as the rings need" absent "$why" \
            "$unbuilt"
        return
    fi
    memlock_kib=$((2 * ((need + 1023) / 1024)))
    soft=$(ulimit -Sl)
    if [[ -f $root$limits_file ]]; then
        note="set in $limits_file from the next login on"
    elif [[ $soft != unlimited ]] && ((soft * 1024 < need)); then
        if ((EUID == 0)) && [[ -z ${SUDO_USER:-} ]]; then
            note="root locks without a limit; for another user: --persist"
        else
            verdict="by hand" note="--persist writes $limits_file, for the next login"
        fi
    fi
    [[ $soft == unlimited ]] || soft="$soft KiB"
    report memory memlock "$soft" "$memlock_kib KiB" "$verdict" "$why" "$note"
}

kernel_settings() {
    local nohz timers=0
    # admin-guide/sysctl/kernel.rst; kernel/sched/core.c, get_nohz_timer_target(): a timer goes
    # from an idle core to a busy one, and the busy ones are those that poll. Cores of nohz_full
    # are spared, and need it to be rid of their own.
    # What is kept beyond a reboot is for the cores as they are then.
    nohz=$(current /sys/devices/system/cpu/nohz_full) || nohz=''
    [[ -z $nohz ]] || [[ -n $(cpus_not_in "$cores" "$nohz") &&
        ($command != --persist || -z $boot_wanted) ]] || timers=1
    setting kernel timer_migration is $timers \
        "idle cores hand their timers to busy ones, those that trade; with nohz_full it is 1" \
        "$(sysctl_path kernel.timer_migration)"

    # admin-guide/lockup-watchdogs.rst. One by one: kernel.watchdog sets both, also back.
    setting kernel soft_watchdog is 0 "its thread runs on every core every few seconds" \
        "$(sysctl_path kernel.soft_watchdog)"
    setting kernel nmi_watchdog is 0 "it interrupts every core, and takes a hardware counter" \
        "$(sysctl_path kernel.nmi_watchdog)"
    # admin-guide/sysctl/vm.rst, kernel-per-CPU-kthreads.rst.
    setting kernel stat_interval at_least 120 \
        "seconds until a kernel thread on each core sums up memory statistics again" \
        "$(sysctl_path vm.stat_interval)"
    # scheduler/sched-rt-group.rst: it throttles the real-time classes only.
    local rt
    if chosen kernel rt_runtime; then
        rt=$(current /proc/sys/kernel/sched_rt_runtime_us) || rt=-
        report kernel rt_runtime "$rt" "as it is" good \
            "hft asks for no real-time class; without it a runaway one would hang its core"
    fi
}

network_settings() {
    local why buffers=$((16 << 20)) congestion

    # admin-guide/sysctl/net.rst; networking/ip-sysctl.rst for those of TCP.
    why="a burst of market data has to fit until it is read"
    setting network rmem_max at_least $buffers "$why" "$(sysctl_path net.core.rmem_max)"
    setting network wmem_max at_least $buffers "a burst of orders never waits for room" \
        "$(sysctl_path net.core.wmem_max)"
    setting network tcp_rmem third_at_least $buffers "$why; rmem_max does not bound TCP's own" \
        "$(sysctl_path net.ipv4.tcp_rmem)"
    setting network tcp_wmem third_at_least $buffers "as wmem_max, of TCP's own choice" \
        "$(sysctl_path net.ipv4.tcp_wmem)"
    setting network netdev_max_backlog at_least 10000 \
        "packets that come faster than they are handled are dropped beyond this" \
        "$(sysctl_path net.core.netdev_max_backlog)"
    # 50 is what net.rst recommends for several sockets.
    why="waiting 50 µs at the card's queue saves the interrupt and the wake-up"
    setting network busy_poll is 50 "$why (poll, select)" "$(sysctl_path net.core.busy_poll)"
    setting network busy_read is 50 "$why (reads)" "$(sysctl_path net.core.busy_read)"

    congestion=$(sysctl_path net.ipv4.tcp_congestion_control)
    [[ " $(current /proc/sys/net/ipv4/tcp_available_congestion_control) " == *" bbr "* ]] ||
        has_module tcp_bbr || congestion=''
    absent="no bbr in this kernel, and no module of it" setting network congestion_control is bbr \
        "a lost packet does not halve the rate, and queues on the way stay short" \
        ${congestion:+"$congestion"}
    absent="not known to be in this kernel; TCP paces by itself since 4.13" \
        setting network default_qdisc is fq "it paces what bbr sends; of cards that come up later" \
        "$(! has_qdisc fq || sysctl_path net.core.default_qdisc)"
    setting network tcp_slow_start_after_idle is 0 \
        "else a quiet session sends its next burst as slowly as a new one" \
        "$(sysctl_path net.ipv4.tcp_slow_start_after_idle)"
    setting network tcp_autocorking is 0 "small writes leave at once, not together" \
        "$(sysctl_path net.ipv4.tcp_autocorking)"
    # tcp_low_latency is still there and has had no effect since 4.14.
}

# Is a module of this name there, on disk or built in?
has_module() {
    local folder
    folder=$root/lib/modules/$(current /proc/sys/kernel/osrelease)
    grep -qs "/$1\.ko" "$folder/modules.builtin" "$folder/modules.dep"
}

has_qdisc() { [[ $(current /proc/sys/net/core/default_qdisc) == "$1" ]] || has_module "sch_$1"; }
