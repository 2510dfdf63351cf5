/** Ids, frameworks, agents, masters, tasks and their states. Notation: `schema.ts`. */
export const TASKS = `
FrameworkID: value 1 string!
OfferID: value 1 string!
AgentID: value 1 string!
TaskID: value 1 string!
ExecutorID: value 1 string!
ContainerID: value 1 string!, parent 2 ContainerID
ResourceProviderID: value 1 string!
OperationID: value 1 string!
TimeInfo: nanoseconds 1 int64!
DurationInfo: nanoseconds 1 int64!
FrameworkInfo: user 1 string!, name 2 string!, id 3 FrameworkID, failover_timeout 4 double,
  checkpoint 5 bool, role 6 string, hostname 7 string, principal 8 string, webui_url 9 string,
  capabilities 10 FrameworkInfo.Capability*, labels 11 Labels, roles 12 string*,
  offer_filters 13 map OfferFilters
FrameworkInfo.Capability: type 1 FrameworkInfo.Capability.Type
enum FrameworkInfo.Capability.Type: UNKNOWN 0, REVOCABLE_RESOURCES 1, TASK_KILLING_STATE 2,
  GPU_RESOURCES 3, SHARED_RESOURCES 4, PARTITION_AWARE 5, MULTI_ROLE 6, RESERVATION_REFINEMENT 7,
  REGION_AWARE 8
KillPolicy: grace_period 1 DurationInfo
ExecutorInfo: executor_id 1 ExecutorID!, data 4 bytes, resources 5 Resource*, command 7 CommandInfo,
  framework_id 8 FrameworkID, name 9 string, source 10 string, container 11 ContainerInfo,
  discovery 12 DiscoveryInfo, shutdown_grace_period 13 DurationInfo, labels 14 Labels,
  type 15 ExecutorInfo.Type
enum ExecutorInfo.Type: UNKNOWN 0, DEFAULT 1, CUSTOM 2
DomainInfo: fault_domain 1 DomainInfo.FaultDomain
DomainInfo.FaultDomain: region 1 DomainInfo.FaultDomain.RegionInfo!,
  zone 2 DomainInfo.FaultDomain.ZoneInfo!
DomainInfo.FaultDomain.RegionInfo: name 1 string!
DomainInfo.FaultDomain.ZoneInfo: name 1 string!
MasterInfo: id 1 string!, ip 2 uint32!, port 3 uint32!, pid 4 string, hostname 5 string, version 6 string,
  address 7 Address, domain 8 DomainInfo, capabilities 9 MasterInfo.Capability*
MasterInfo.Capability: type 1 MasterInfo.Capability.Type
enum MasterInfo.Capability.Type: UNKNOWN 0, AGENT_UPDATE 1, AGENT_DRAINING 2, QUOTA_V2 3
AgentInfo: hostname 1 string!, resources 3 Resource*, attributes 5 Attribute*, id 6 AgentID, port 8 int32,
  domain 10 DomainInfo
AgentInfo.Capability: type 1 AgentInfo.Capability.Type
enum AgentInfo.Capability.Type: UNKNOWN 0, MULTI_ROLE 1, HIERARCHICAL_ROLE 2, RESERVATION_REFINEMENT 3,
  RESOURCE_PROVIDER 4, RESIZE_VOLUME 5, AGENT_OPERATION_FEEDBACK 6, AGENT_DRAINING 7,
  TASK_RESOURCE_LIMITS 8
TaskInfo: name 1 string!, task_id 2 TaskID!, agent_id 3 AgentID!, resources 4 Resource*,
  executor 5 ExecutorInfo, data 6 bytes, command 7 CommandInfo, health_check 8 HealthCheck,
  container 9 ContainerInfo, labels 10 Labels, discovery 11 DiscoveryInfo, kill_policy 12 KillPolicy,
  check 13 CheckInfo, max_completion_time 14 DurationInfo, limits 15 map Value.Scalar
TaskGroupInfo: tasks 1 TaskInfo*
Task: name 1 string!, task_id 2 TaskID!, framework_id 3 FrameworkID!, executor_id 4 ExecutorID,
  agent_id 5 AgentID!, state 6 TaskState!, resources 7 Resource*, statuses 8 TaskStatus*,
  status_update_state 9 TaskState, status_update_uuid 10 bytes, labels 11 Labels,
  discovery 12 DiscoveryInfo, container 13 ContainerInfo, user 14 string, health_check 15 HealthCheck,
  kill_policy 16 KillPolicy, limits 17 map Value.Scalar
enum TaskState: TASK_STAGING 6, TASK_STARTING 0, TASK_RUNNING 1, TASK_KILLING 8, TASK_FINISHED 2,
  TASK_FAILED 3, TASK_KILLED 4, TASK_ERROR 7, TASK_LOST 5, TASK_DROPPED 9, TASK_UNREACHABLE 10,
  TASK_GONE 11, TASK_GONE_BY_OPERATOR 12, TASK_UNKNOWN 13
TaskResourceLimitation: resources 1 Resource*
CheckStatusInfo: type 1 CheckInfo.Type, command 2 CheckStatusInfo.Command, http 3 CheckStatusInfo.Http,
  tcp 4 CheckStatusInfo.Tcp
CheckStatusInfo.Command: exit_code 1 int32
CheckStatusInfo.Http: status_code 1 uint32
CheckStatusInfo.Tcp: succeeded 1 bool
TaskStatus: task_id 1 TaskID!, state 2 TaskState!, data 3 bytes, message 4 string, agent_id 5 AgentID,
  timestamp 6 double, executor_id 7 ExecutorID, healthy 8 bool, source 9 TaskStatus.Source,
  reason 10 TaskStatus.Reason, uuid 11 bytes, labels 12 Labels, container_status 13 ContainerStatus,
  unreachable_time 14 TimeInfo, check_status 15 CheckStatusInfo, limitation 16 TaskResourceLimitation
enum TaskStatus.Source: SOURCE_MASTER 0, SOURCE_AGENT 1, SOURCE_EXECUTOR 2
enum TaskStatus.Reason: REASON_COMMAND_EXECUTOR_FAILED 0, REASON_CONTAINER_LAUNCH_FAILED 21,
  REASON_CONTAINER_LIMITATION 19, REASON_CONTAINER_LIMITATION_DISK 20,
  REASON_CONTAINER_LIMITATION_MEMORY 8, REASON_CONTAINER_PREEMPTED 17, REASON_CONTAINER_UPDATE_FAILED 22,
  REASON_MAX_COMPLETION_TIME_REACHED 33, REASON_EXECUTOR_REGISTRATION_TIMEOUT 23,
  REASON_EXECUTOR_REREGISTRATION_TIMEOUT 24, REASON_EXECUTOR_TERMINATED 1, REASON_EXECUTOR_UNREGISTERED 2,
  REASON_FRAMEWORK_REMOVED 3, REASON_GC_ERROR 4, REASON_INVALID_FRAMEWORKID 5, REASON_INVALID_OFFERS 6,
  REASON_IO_SWITCHBOARD_EXITED 27, REASON_MASTER_DISCONNECTED 7, REASON_RECONCILIATION 9,
  REASON_RESOURCES_UNKNOWN 18, REASON_AGENT_DISCONNECTED 10, REASON_AGENT_DRAINING 34,
  REASON_AGENT_REMOVED 11, REASON_AGENT_REMOVED_BY_OPERATOR 31, REASON_AGENT_REREGISTERED 32,
  REASON_AGENT_RESTARTED 12, REASON_AGENT_UNKNOWN 13, REASON_TASK_KILLED_DURING_LAUNCH 30,
  REASON_TASK_CHECK_STATUS_UPDATED 28, REASON_TASK_HEALTH_CHECK_STATUS_UPDATED 29,
  REASON_TASK_GROUP_INVALID 25, REASON_TASK_GROUP_UNAUTHORIZED 26, REASON_TASK_INVALID 14,
  REASON_TASK_UNAUTHORIZED 15, REASON_TASK_UNKNOWN 16
Labels: labels 1 Label*
Label: key 1 string!, value 2 string
Port: number 1 uint32!, name 2 string, protocol 3 string, visibility 4 DiscoveryInfo.Visibility,
  labels 5 Labels
Ports: ports 1 Port*
DiscoveryInfo: visibility 1 DiscoveryInfo.Visibility!, name 2 string, environment 3 string,
  location 4 string, version 5 string, ports 6 Ports, labels 7 Labels
enum DiscoveryInfo.Visibility: FRAMEWORK 0, CLUSTER 1, EXTERNAL 2
WeightInfo: weight 1 double!, role 2 string
VersionInfo: version 1 string!, build_date 2 string, build_time 3 double, build_user 4 string,
  git_sha 5 string, git_branch 6 string, git_tag 7 string
Flag: name 1 string!, value 2 string
Role: name 1 string!, weight 2 double!, frameworks 3 FrameworkID*, resources 4 Resource*
Metric: name 1 string!, value 2 double
FileInfo: path 1 string!, nlink 2 int32, size 3 uint64, mtime 4 TimeInfo, mode 5 uint32, uid 6 string,
  gid 7 string
enum DrainState: UNKNOWN 0, DRAINING 1, DRAINED 2
DrainConfig: max_grace_period 1 DurationInfo, mark_gone 2 bool
DrainInfo: state 1 DrainState!, config 2 DrainConfig!
`;
