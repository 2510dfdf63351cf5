/** Resources and what is offered of them. Notation: `schema.ts`. */
export const OFFERS = `
Address: hostname 1 string, ip 2 string, port 3 int32!
URL: scheme 1 string!, address 2 Address!, path 3 string, query 4 Parameter*, fragment 5 string
Unavailability: start 1 TimeInfo!, duration 2 DurationInfo
MachineID: hostname 1 string, ip 2 string
ResourceProviderInfo: id 1 ResourceProviderID, attributes 2 Attribute*, type 3 string!, name 4 string!,
  default_reservations 5 Resource.ReservationInfo*, storage 6 ResourceProviderInfo.Storage
ResourceProviderInfo.Storage: reconciliation_interval_seconds 2 double
enum Value.Type: SCALAR 0, RANGES 1, SET 2, TEXT 3
Value.Scalar: value 1 double!
Value.Range: begin 1 uint64!, end 2 uint64!
Value.Ranges: range 1 Value.Range*
Value.Set: item 1 string*
Value.Text: value 1 string!
Attribute: name 1 string!, type 2 Value.Type!, scalar 3 Value.Scalar, ranges 4 Value.Ranges,
  text 5 Value.Text, set 6 Value.Set
Resource: name 1 string!, type 2 Value.Type!, scalar 3 Value.Scalar, ranges 4 Value.Ranges,
  set 5 Value.Set, role 6 string, disk 7 Resource.DiskInfo, reservation 8 Resource.ReservationInfo,
  revocable 9 Resource.RevocableInfo, shared 10 Resource.SharedInfo,
  allocation_info 11 Resource.AllocationInfo, provider_id 12 ResourceProviderID,
  reservations 13 Resource.ReservationInfo*
Resource.AllocationInfo: role 1 string
Resource.ReservationInfo: principal 1 string, labels 2 Labels, role 3 string,
  type 4 Resource.ReservationInfo.Type
enum Resource.ReservationInfo.Type: UNKNOWN 0, STATIC 1, DYNAMIC 2
Resource.DiskInfo: persistence 1 Resource.DiskInfo.Persistence, volume 2 Volume,
  source 3 Resource.DiskInfo.Source
Resource.DiskInfo.Persistence: id 1 string!, principal 2 string
Resource.DiskInfo.Source: type 1 Resource.DiskInfo.Source.Type!, path 2 Resource.DiskInfo.Source.Path,
  mount 3 Resource.DiskInfo.Source.Mount, id 4 string, metadata 5 Labels, profile 6 string,
  vendor 7 string
enum Resource.DiskInfo.Source.Type: UNKNOWN 0, PATH 1, MOUNT 2, BLOCK 3, RAW 4
Resource.DiskInfo.Source.Path: root 1 string
Resource.DiskInfo.Source.Mount: root 1 string
Resource.RevocableInfo:
Resource.SharedInfo:
OfferFilters: min_allocatable_resources 1 OfferFilters.MinAllocatableResources
OfferFilters.ResourceQuantities: quantities 1 map Value.Scalar
OfferFilters.MinAllocatableResources: quantities 1 OfferFilters.ResourceQuantities*
Request: agent_id 1 AgentID, resources 2 Resource*
Offer: id 1 OfferID!, framework_id 2 FrameworkID!, agent_id 3 AgentID!, hostname 4 string!,
  resources 5 Resource*, executor_ids 6 ExecutorID*, attributes 7 Attribute*, url 8 URL,
  unavailability 9 Unavailability, allocation_info 10 Resource.AllocationInfo, domain 11 DomainInfo
Offer.Operation: type 1 Offer.Operation.Type, launch 2 Offer.Operation.Launch,
  reserve 3 Offer.Operation.Reserve, unreserve 4 Offer.Operation.Unreserve,
  create 5 Offer.Operation.Create, destroy 6 Offer.Operation.Destroy,
  launch_group 7 Offer.Operation.LaunchGroup, id 12 OperationID,
  grow_volume 13 Offer.Operation.GrowVolume, shrink_volume 14 Offer.Operation.ShrinkVolume,
  create_disk 15 Offer.Operation.CreateDisk, destroy_disk 16 Offer.Operation.DestroyDisk
enum Offer.Operation.Type: UNKNOWN 0, LAUNCH 1, LAUNCH_GROUP 6, RESERVE 2, UNRESERVE 3, CREATE 4,
  DESTROY 5, GROW_VOLUME 11, SHRINK_VOLUME 12, CREATE_DISK 13, DESTROY_DISK 14
Offer.Operation.Launch: task_infos 1 TaskInfo*
Offer.Operation.LaunchGroup: executor 1 ExecutorInfo!, task_group 2 TaskGroupInfo!
Offer.Operation.Reserve: resources 1 Resource*, source 2 Resource*
Offer.Operation.Unreserve: resources 1 Resource*
Offer.Operation.Create: volumes 1 Resource*
Offer.Operation.Destroy: volumes 1 Resource*
Offer.Operation.GrowVolume: volume 1 Resource!, addition 2 Resource!
Offer.Operation.ShrinkVolume: volume 1 Resource!, subtract 2 Value.Scalar!
Offer.Operation.CreateDisk: source 1 Resource!, target_type 2 Resource.DiskInfo.Source.Type!,
  target_profile 3 string
Offer.Operation.DestroyDisk: source 1 Resource!
InverseOffer: id 1 OfferID!, url 2 URL, framework_id 3 FrameworkID!, agent_id 4 AgentID,
  unavailability 5 Unavailability!, resources 6 Resource*
UUID: value 1 bytes!
Operation: framework_id 1 FrameworkID, agent_id 2 AgentID, info 3 Offer.Operation!,
  latest_status 4 OperationStatus!, statuses 5 OperationStatus*, uuid 6 UUID!
enum OperationState: OPERATION_UNSUPPORTED 0, OPERATION_PENDING 1, OPERATION_FINISHED 2,
  OPERATION_FAILED 3, OPERATION_ERROR 4, OPERATION_DROPPED 5, OPERATION_UNREACHABLE 6,
  OPERATION_GONE_BY_OPERATOR 7, OPERATION_RECOVERING 8, OPERATION_UNKNOWN 9
OperationStatus: operation_id 1 OperationID, state 2 OperationState!, message 3 string,
  converted_resources 4 Resource*, uuid 5 UUID, agent_id 6 AgentID,
  resource_provider_id 7 ResourceProviderID
Filters: refuse_seconds 1 double
`;
