/** The scheduler API. Notation: `schema.ts`. */
export const SCHEDULER = `
scheduler.Event: type 1 scheduler.Event.Type, subscribed 2 scheduler.Event.Subscribed,
  offers 3 scheduler.Event.Offers, rescind 4 scheduler.Event.Rescind, update 5 scheduler.Event.Update,
  message 6 scheduler.Event.Message, failure 7 scheduler.Event.Failure, error 8 scheduler.Event.Error,
  inverse_offers 9 scheduler.Event.InverseOffers,
  rescind_inverse_offer 10 scheduler.Event.RescindInverseOffer,
  update_operation_status 11 scheduler.Event.UpdateOperationStatus
enum scheduler.Event.Type: UNKNOWN 0, SUBSCRIBED 1, OFFERS 2, INVERSE_OFFERS 9, RESCIND 3,
  RESCIND_INVERSE_OFFER 10, UPDATE 4, UPDATE_OPERATION_STATUS 11, MESSAGE 5, FAILURE 6, ERROR 7,
  HEARTBEAT 8
scheduler.Event.Subscribed: framework_id 1 FrameworkID!, heartbeat_interval_seconds 2 double,
  master_info 3 MasterInfo
scheduler.Event.Offers: offers 1 Offer*
scheduler.Event.InverseOffers: inverse_offers 1 InverseOffer*
scheduler.Event.Rescind: offer_id 1 OfferID!
scheduler.Event.RescindInverseOffer: inverse_offer_id 1 OfferID!
scheduler.Event.Update: status 1 TaskStatus!
scheduler.Event.UpdateOperationStatus: status 1 OperationStatus!
scheduler.Event.Message: agent_id 1 AgentID!, executor_id 2 ExecutorID!, data 3 bytes!
scheduler.Event.Failure: agent_id 1 AgentID, executor_id 2 ExecutorID, status 3 int32
scheduler.Event.Error: message 1 string!
scheduler.AttributeConstraint: selector 1 scheduler.AttributeConstraint.Selector!,
  predicate 2 scheduler.AttributeConstraint.Predicate!
scheduler.AttributeConstraint.Selector:
  pseudoattribute_type 1 scheduler.AttributeConstraint.Selector.PseudoattributeType,
  attribute_name 2 string
enum scheduler.AttributeConstraint.Selector.PseudoattributeType: UNKNOWN 0, HOSTNAME 1, REGION 2, ZONE 3
scheduler.AttributeConstraint.Predicate: exists 1 scheduler.AttributeConstraint.Predicate.Exists,
  not_exists 2 scheduler.AttributeConstraint.Predicate.NotExists,
  text_equals 3 scheduler.AttributeConstraint.Predicate.TextEquals,
  text_not_equals 4 scheduler.AttributeConstraint.Predicate.TextNotEquals,
  text_matches 5 scheduler.AttributeConstraint.Predicate.TextMatches,
  text_not_matches 6 scheduler.AttributeConstraint.Predicate.TextNotMatches
scheduler.AttributeConstraint.Predicate.Exists:
scheduler.AttributeConstraint.Predicate.NotExists:
scheduler.AttributeConstraint.Predicate.TextEquals: value 1 string!
scheduler.AttributeConstraint.Predicate.TextNotEquals: value 1 string!
scheduler.AttributeConstraint.Predicate.TextMatches: regex 1 string!
scheduler.AttributeConstraint.Predicate.TextNotMatches: regex 1 string!
scheduler.OfferConstraints: role_constraints 1 map scheduler.OfferConstraints.RoleConstraints
scheduler.OfferConstraints.RoleConstraints: groups 1 scheduler.OfferConstraints.RoleConstraints.Group*
scheduler.OfferConstraints.RoleConstraints.Group: attribute_constraints 1 scheduler.AttributeConstraint*
scheduler.Call: framework_id 1 FrameworkID, type 2 scheduler.Call.Type,
  subscribe 3 scheduler.Call.Subscribe, accept 4 scheduler.Call.Accept, decline 5 scheduler.Call.Decline,
  kill 6 scheduler.Call.Kill, shutdown 7 scheduler.Call.Shutdown,
  acknowledge 8 scheduler.Call.Acknowledge, reconcile 9 scheduler.Call.Reconcile,
  message 10 scheduler.Call.Message, request 11 scheduler.Call.Request,
  accept_inverse_offers 13 scheduler.Call.AcceptInverseOffers,
  decline_inverse_offers 14 scheduler.Call.DeclineInverseOffers, revive 15 scheduler.Call.Revive,
  suppress 16 scheduler.Call.Suppress,
  acknowledge_operation_status 17 scheduler.Call.AcknowledgeOperationStatus,
  reconcile_operations 18 scheduler.Call.ReconcileOperations,
  update_framework 19 scheduler.Call.UpdateFramework
enum scheduler.Call.Type: UNKNOWN 0, SUBSCRIBE 1, TEARDOWN 2, ACCEPT 3, DECLINE 4,
  ACCEPT_INVERSE_OFFERS 13, DECLINE_INVERSE_OFFERS 14, REVIVE 5, KILL 6, SHUTDOWN 7, ACKNOWLEDGE 8,
  ACKNOWLEDGE_OPERATION_STATUS 15, RECONCILE 9, RECONCILE_OPERATIONS 16, MESSAGE 10, REQUEST 11,
  SUPPRESS 12, UPDATE_FRAMEWORK 17
scheduler.Call.Subscribe: framework_info 1 FrameworkInfo!, suppressed_roles 2 string*,
  offer_constraints 3 scheduler.OfferConstraints
scheduler.Call.Accept: offer_ids 1 OfferID*, operations 2 Offer.Operation*, filters 3 Filters
scheduler.Call.Decline: offer_ids 1 OfferID*, filters 2 Filters
scheduler.Call.AcceptInverseOffers: inverse_offer_ids 1 OfferID*, filters 2 Filters
scheduler.Call.DeclineInverseOffers: inverse_offer_ids 1 OfferID*, filters 2 Filters
scheduler.Call.Revive: roles 1 string*
scheduler.Call.Kill: task_id 1 TaskID!, agent_id 2 AgentID, kill_policy 3 KillPolicy
scheduler.Call.Shutdown: executor_id 1 ExecutorID!, agent_id 2 AgentID!
scheduler.Call.Acknowledge: agent_id 1 AgentID!, task_id 2 TaskID!, uuid 3 bytes!
scheduler.Call.AcknowledgeOperationStatus: agent_id 1 AgentID, resource_provider_id 2 ResourceProviderID,
  uuid 3 bytes!, operation_id 4 OperationID!
scheduler.Call.Reconcile: tasks 1 scheduler.Call.Reconcile.Task*
scheduler.Call.Reconcile.Task: task_id 1 TaskID!, agent_id 2 AgentID
scheduler.Call.ReconcileOperations: operations 1 scheduler.Call.ReconcileOperations.Operation*
scheduler.Call.ReconcileOperations.Operation: operation_id 1 OperationID!, agent_id 2 AgentID,
  resource_provider_id 3 ResourceProviderID
scheduler.Call.Message: agent_id 1 AgentID!, executor_id 2 ExecutorID!, data 3 bytes!
scheduler.Call.Request: requests 1 Request*
scheduler.Call.Suppress: roles 1 string*
scheduler.Call.UpdateFramework: framework_info 1 FrameworkInfo!, suppressed_roles 2 string*,
  offer_constraints 3 scheduler.OfferConstraints
`;
