# shellcheck shell=bash
# What outlives a reboot: files that say again at boot what was changed now. Read by tune_host.sh.
# shellcheck disable=SC2154,SC2034  # set by, or used in, its other parts

sysctl_file=/etc/sysctl.d/90-hft.conf
limits_file=/etc/security/limits.d/90-hft.conf
grub_file=/etc/default/grub.d/90-hft.cfg
unit_file=/etc/systemd/system/hft-tune.service
unit_link=/etc/systemd/system/multi-user.target.wants/hft-tune.service
irqbalance_kept=/etc/systemd/system/irqbalance.service.d/90-hft.conf
irqbalance_now=/run/systemd/system/irqbalance.service.d/90-hft.conf
written="# Written by hft's tools/tune_host.sh --persist; --revert removes it."

persist() {
    local -A values=()
    [[ -n $dry_run ]] || open_state new
    [[ -z $irqbalance_wanted ]] || ! has_systemd ||
        put_file "$irqbalance_kept" "$(irqbalance_text)"
    make_changes
    remember_values
    keep_sysctl
    keep_unit
    keep_memlock
    keep_boot_line
    tell_rest
    settle
    close_state
    [[ -z $failed ]]
}

irqbalance_text() { printf '[Service]\nEnvironment=IRQBALANCE_BANNED_CPULIST=%s' "$cores"; }

# The value that each path was set to last, in `values`; of --dry-run: what would be set, too.
remember_values() {
    local kind rest path set at
    [[ ! -r $(state_file) ]] || while IFS='|' read -r kind rest; do
        IFS='|' read -r _ path _ set <<<"$rest"
        case $kind in
            value) values[$path]=$set ;;
            refused) unset "values[$path]" ;;
        esac
    done <"$(state_file)"
    [[ -z $dry_run ]] || for at in "${!change_path[@]}"; do
        values[${change_path[at]}]=${change_value[at]}
    done
}

# The paths of `values` below a folder, in a fixed order.
kept_paths() {
    local path
    for path in "${!values[@]}"; do
        [[ $path != "$1"/* ]] || printf '%s\n' "$path"
    done | sort -V
}

keep_sysctl() {
    local path key text=$written
    while read -r path; do
        key=${path#/proc/sys/}
        text+=$'\n'"${key//\//.} = ${values[$path]}"
    done < <(kept_paths /proc/sys)
    [[ $text == "$written" ]] || put_file "$sysctl_file" "$text"
}

has_systemd() { [[ -d $root/run/systemd/system ]]; }

# Interrupts have other numbers at the next boot: the unit moves whatever there is then.
keep_unit() {
    local path text
    text="$written
[Unit]
Description=Settings of this host for hft
After=systemd-modules-load.service systemd-sysctl.service

[Service]
Type=oneshot
RemainAfterExit=yes"
    local lines=''
    while read -r path; do
        lines+=$'\n'"ExecStart=-/bin/sh -c 'echo ${values[$path]} >$path'"
    done < <(kept_paths /sys)
    if [[ -n $(kept_paths /proc/irq) ]]; then
        lines+=$'\n'"ExecStart=-/bin/sh -c 'for i in /proc/irq/*/smp_affinity_list; do echo $others"
        lines+=" >\$\$i; done 2>/dev/null; true'"
    fi
    [[ -n $lines ]] || return 0
    if ! has_systemd; then
        say "$unit_file: not written: no systemd runs here, what is in /sys lasts until a reboot"
        failed=1
        return
    fi
    put_file "$unit_file" "$text$lines

[Install]
WantedBy=multi-user.target"
    put_link "$unit_link" "$unit_file"
}

keep_memlock() {
    chosen memory memlock && [[ -n ${memlock_kib:-} ]] || return 0
    put_file "$limits_file" "$written
${SUDO_USER:-*} - memlock $memlock_kib"
}

# Debian's grub-mkconfig reads grub.d. The boot line is not put into effect from here: a mistake in
# it is worth a look first.
keep_boot_line() {
    [[ -n $boot_wanted ]] || return 0
    if [[ -e $root/etc/default/grub ]]; then
        put_file "$grub_file" "$written
GRUB_CMDLINE_LINUX_DEFAULT=\"\$GRUB_CMDLINE_LINUX_DEFAULT $(boot_line)\""
        say "$grub_file: takes effect with update-grub and a reboot"
    else
        say "no GRUB here: add to the kernel's command line: $(boot_line)"
    fi
}

# Tells systemd of files that changed; not of another tree's.
settle() {
    [[ -z $dry_run && -z $root && -n $touched_systemd ]] && has_systemd || return 0
    { systemctl daemon-reload && systemctl try-restart irqbalance.service; } 2>/dev/null || {
        say "systemd did not take it up: systemctl daemon-reload; systemctl restart irqbalance"
        failed=1
    }
}
