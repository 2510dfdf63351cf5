/** Commands, containers and checks. Notation: `schema.ts`. */
export const CONTAINERS = `
CheckInfo: type 1 CheckInfo.Type, command 2 CheckInfo.Command, http 3 CheckInfo.Http,
  delay_seconds 4 double, interval_seconds 5 double, timeout_seconds 6 double, tcp 7 CheckInfo.Tcp
enum CheckInfo.Type: UNKNOWN 0, COMMAND 1, HTTP 2, TCP 3
CheckInfo.Command: command 1 CommandInfo!
CheckInfo.Http: port 1 uint32!, path 2 string
CheckInfo.Tcp: port 1 uint32!
HealthCheck: http 1 HealthCheck.HTTPCheckInfo, delay_seconds 2 double, interval_seconds 3 double,
  timeout_seconds 4 double, consecutive_failures 5 uint32, grace_period_seconds 6 double,
  command 7 CommandInfo, type 8 HealthCheck.Type, tcp 9 HealthCheck.TCPCheckInfo
enum HealthCheck.Type: UNKNOWN 0, COMMAND 1, HTTP 2, TCP 3
HealthCheck.HTTPCheckInfo: port 1 uint32!, path 2 string, scheme 3 string, statuses 4 uint32*,
  protocol 5 NetworkInfo.Protocol
HealthCheck.TCPCheckInfo: port 1 uint32!, protocol 2 NetworkInfo.Protocol
CommandInfo: uris 1 CommandInfo.URI*, environment 2 Environment, value 3 string, user 5 string,
  shell 6 bool, arguments 7 string*
CommandInfo.URI: value 1 string!, executable 2 bool, extract 3 bool, cache 4 bool, output_file 5 string
Environment: variables 1 Environment.Variable*
Environment.Variable: name 1 string!, value 2 string, type 3 Environment.Variable.Type, secret 4 Secret
enum Environment.Variable.Type: UNKNOWN 0, VALUE 1, SECRET 2
Parameter: key 1 string!, value 2 string!
Parameters: parameter 1 Parameter*
Credential: principal 1 string!, secret 2 string
Secret: type 1 Secret.Type, reference 2 Secret.Reference, value 3 Secret.Value
enum Secret.Type: UNKNOWN 0, REFERENCE 1, VALUE 2
Secret.Reference: name 1 string!, key 2 string
Secret.Value: data 1 bytes!
Image: type 1 Image.Type!, appc 2 Image.Appc, docker 3 Image.Docker, cached 4 bool
enum Image.Type: APPC 1, DOCKER 2
Image.Appc: name 1 string!, id 2 string, labels 3 Labels
Image.Docker: name 1 string!, credential 2 Credential, config 3 Secret
MountPropagation: mode 1 MountPropagation.Mode
enum MountPropagation.Mode: UNKNOWN 0, HOST_TO_CONTAINER 1, BIDIRECTIONAL 2
Volume: container_path 1 string!, host_path 2 string, mode 3 Volume.Mode!, image 4 Image,
  source 5 Volume.Source
enum Volume.Mode: RW 1, RO 2
Volume.Source: type 1 Volume.Source.Type, docker_volume 2 Volume.Source.DockerVolume,
  sandbox_path 3 Volume.Source.SandboxPath, secret 4 Secret, host_path 5 Volume.Source.HostPath
enum Volume.Source.Type: UNKNOWN 0, DOCKER_VOLUME 1, HOST_PATH 4, SANDBOX_PATH 2, SECRET 3, CSI_VOLUME 5
Volume.Source.DockerVolume: driver 1 string, name 2 string!, driver_options 3 Parameters
Volume.Source.HostPath: path 1 string!, mount_propagation 2 MountPropagation
Volume.Source.SandboxPath: type 1 Volume.Source.SandboxPath.Type, path 2 string!
enum Volume.Source.SandboxPath.Type: UNKNOWN 0, SELF 1, PARENT 2
NetworkInfo: groups 3 string*, labels 4 Labels, ip_addresses 5 NetworkInfo.IPAddress*, name 6 string,
  port_mappings 7 NetworkInfo.PortMapping*
enum NetworkInfo.Protocol: IPv4 1, IPv6 2
NetworkInfo.IPAddress: protocol 1 NetworkInfo.Protocol, ip_address 2 string
NetworkInfo.PortMapping: host_port 1 uint32!, container_port 2 uint32!, protocol 3 string
LinuxInfo: capability_info 1 CapabilityInfo, bounding_capabilities 2 CapabilityInfo,
  effective_capabilities 3 CapabilityInfo, share_pid_namespace 4 bool, seccomp 5 SeccompInfo,
  ipc_mode 6 LinuxInfo.IpcMode, shm_size 7 uint32, share_cgroups 8 bool
enum LinuxInfo.IpcMode: UNKNOWN 0, PRIVATE 1, SHARE_PARENT 2
TTYInfo: window_size 1 TTYInfo.WindowSize
TTYInfo.WindowSize: rows 1 uint32!, columns 2 uint32!
ContainerInfo: type 1 ContainerInfo.Type!, volumes 2 Volume*, docker 3 ContainerInfo.DockerInfo,
  hostname 4 string, mesos 5 ContainerInfo.MesosInfo, network_infos 7 NetworkInfo*,
  linux_info 8 LinuxInfo, rlimit_info 9 RLimitInfo, tty_info 10 TTYInfo
enum ContainerInfo.Type: DOCKER 1, MESOS 2
ContainerInfo.DockerInfo: image 1 string!, network 2 ContainerInfo.DockerInfo.Network,
  port_mappings 3 ContainerInfo.DockerInfo.PortMapping*, privileged 4 bool, parameters 5 Parameter*,
  force_pull_image 6 bool, volume_driver 7 string
enum ContainerInfo.DockerInfo.Network: HOST 1, BRIDGE 2, NONE 3, USER 4
ContainerInfo.DockerInfo.PortMapping: host_port 1 uint32!, container_port 2 uint32!, protocol 3 string
ContainerInfo.MesosInfo: image 1 Image
ContainerStatus: network_infos 1 NetworkInfo*, cgroup_info 2 CgroupInfo, executor_pid 3 uint32,
  container_id 4 ContainerID
CgroupInfo: net_cls 1 CgroupInfo.NetCls
CgroupInfo.NetCls: classid 1 uint32
RLimitInfo: rlimits 1 RLimitInfo.RLimit*
RLimitInfo.RLimit: type 1 RLimitInfo.RLimit.Type, hard 2 uint64, soft 3 uint64
enum RLimitInfo.RLimit.Type: UNKNOWN 0, RLMT_AS 1, RLMT_CORE 2, RLMT_CPU 3, RLMT_DATA 4, RLMT_FSIZE 5,
  RLMT_LOCKS 6, RLMT_MEMLOCK 7, RLMT_MSGQUEUE 8, RLMT_NICE 9, RLMT_NOFILE 10, RLMT_NPROC 11, RLMT_RSS 12,
  RLMT_RTPRIO 13, RLMT_RTTIME 14, RLMT_SIGPENDING 15, RLMT_STACK 16
SeccompInfo: profile_name 1 string, unconfined 2 bool
CapabilityInfo: capabilities 1 CapabilityInfo.Capability*
enum CapabilityInfo.Capability: UNKNOWN 0, CHOWN 1000, DAC_OVERRIDE 1001, DAC_READ_SEARCH 1002,
  FOWNER 1003, FSETID 1004, KILL 1005, SETGID 1006, SETUID 1007, SETPCAP 1008, LINUX_IMMUTABLE 1009,
  NET_BIND_SERVICE 1010, NET_BROADCAST 1011, NET_ADMIN 1012, NET_RAW 1013, IPC_LOCK 1014, IPC_OWNER 1015,
  SYS_MODULE 1016, SYS_RAWIO 1017, SYS_CHROOT 1018, SYS_PTRACE 1019, SYS_PACCT 1020, SYS_ADMIN 1021,
  SYS_BOOT 1022, SYS_NICE 1023, SYS_RESOURCE 1024, SYS_TIME 1025, SYS_TTY_CONFIG 1026, MKNOD 1027,
  LEASE 1028, AUDIT_WRITE 1029, AUDIT_CONTROL 1030, SETFCAP 1031, MAC_OVERRIDE 1032, MAC_ADMIN 1033,
  SYSLOG 1034, WAKE_ALARM 1035, BLOCK_SUSPEND 1036, AUDIT_READ 1037, PERFMON 1038, BPF 1039,
  CHECKPOINT_RESTORE 1040
ResourceStatistics: timestamp 1 double!, cpus_user_time_secs 2 double, cpus_system_time_secs 3 double,
  cpus_limit 4 double, mem_rss_bytes 5 uint64, mem_limit_bytes 6 uint64, cpus_nr_periods 7 uint32,
  cpus_nr_throttled 8 uint32, cpus_throttled_time_secs 9 double, mem_file_bytes 10 uint64,
  mem_anon_bytes 11 uint64, mem_mapped_file_bytes 12 uint64, net_rx_packets 14 uint64,
  net_rx_bytes 15 uint64, net_rx_errors 16 uint64, net_rx_dropped 17 uint64, net_tx_packets 18 uint64,
  net_tx_bytes 19 uint64, net_tx_errors 20 uint64, net_tx_dropped 21 uint64, disk_limit_bytes 26 uint64,
  disk_used_bytes 27 uint64, processes 30 uint32, threads 31 uint32, mem_low_pressure_counter 32 uint64,
  mem_medium_pressure_counter 33 uint64, mem_critical_pressure_counter 34 uint64,
  mem_total_bytes 36 uint64, mem_total_memsw_bytes 37 uint64, mem_soft_limit_bytes 38 uint64,
  mem_cache_bytes 39 uint64, mem_swap_bytes 40 uint64, mem_unevictable_bytes 41 uint64,
  disk_statistics 43 DiskStatistics*, cpus_soft_limit 45 double
DiskStatistics: source 1 Resource.DiskInfo.Source, persistence 2 Resource.DiskInfo.Persistence,
  limit_bytes 3 uint64, used_bytes 4 uint64
`;
