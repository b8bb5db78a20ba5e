# memory.pl FILE PROGRAM: runs a program in the control group whose cgroup.procs FILE is (- for ours), and writes the peak resident
# memory, in KiB, of it or of the largest program that it started, to descriptor 3.
# In perl because it must be small: what the kernel counts for a process begins with what it was forked from.
use strict;
use POSIX ();

my %wait4 = (x86_64 => 61, aarch64 => 260);
my $number = $wait4{(POSIX::uname())[4]} // die "memory.pl: no number for wait4 on this machine\n";
my $group = shift @ARGV;
my $pid = fork() // die "fork: $!\n";
if ($pid == 0) {
    if ($group ne '-') {
        open(my $procs, '>', $group) or die "$group: $!\n";
        print $procs "0\n";
        close $procs or die "$group: $!\n";
    }
    exec {$ARGV[0]} @ARGV or POSIX::_exit(127);
}

my ($status, $usage) = (pack('i', 0), "\0" x 144);
syscall($number, $pid, $status, 0, $usage) == $pid or die "wait4: $!\n";
open(my $out, '>&=', 3) or die "descriptor 3: $!\n";
print $out (unpack('q18', $usage))[4];    # sys/resource.h: after two times of two numbers, ru_maxrss
close $out;
exit(unpack('i', $status) >> 8);
