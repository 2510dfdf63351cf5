import { defineErrors } from '../../../core/errors.ts';

/** What keeps a command for operators from doing what it was asked for. */
export const operateErrors = defineErrors({
  CLI_NO_MASTER: {
    message: 'no master answers: {problems}',
    hint: 'Name the masters with --master or RIMROCK_MASTER (host:port, several with commas between, zk://… or consul://…). Does one run there, and does it speak TLS (RIMROCK_IDENTITY)?',
  },
  CLI_NOT_ASKED: {
    message: '{who} cannot be asked: {problem}',
    hint: 'Its address is {address}, as the master tells it: does it run, and can this machine reach it?',
  },
  CLI_LOGIN_NEEDED: {
    message: '{who} wants to know who asks, and {login}',
    hint: 'Log in with `rimrock login NAME --api URL` (the identity API beside the master), or set RIMROCK_TOKEN, or RIMROCK_PRINCIPAL and RIMROCK_SECRET.',
  },
  CLI_FORBIDDEN: {
    message: 'the policy of {who} does not allow {action}',
    hint: 'Which rule decides: rimrock policy explain user:NAME {action} {object}',
  },
  CLI_REFUSED: {
    message: '{who} refuses: {text} ({status})',
    hint: 'Nothing is changed by this command.',
  },
  CLI_ANSWER_UNREADABLE: {
    message: '{who} gives an answer to {what} that cannot be read: {problem}',
    hint: 'Is this the address of a Mesos master, or of something else?',
  },
  CLI_NOT_FOUND: {
    message: 'there is no {what} {wanted}',
    hint: 'Give the whole id, or how it begins; `rimrock {list}` has them all. What the policy hides from you is not there, either.',
  },
  CLI_AMBIGUOUS: {
    message: "several {what}s are meant by '{wanted}': {found}",
    hint: 'Give more of the id{more}.',
  },
  CLI_AGENT_AWAY: {
    message: 'agent {agent} of this task is not registered at the master',
    hint: 'It is away or gone, and the files of its tasks with it. `rimrock agents` says more.',
  },
  CLI_NO_FILE: {
    message: 'task {task} has no file {file} at the moment',
    hint: 'It has not begun, or has not written; -f waits for it. Sandboxes of ended tasks go with time (agent.gcDelaySeconds).',
  },
  CLI_NOT_MARATHON: {
    message: 'task {task} belongs to the framework {framework}, of which no Marathon API is known{why}',
    hint: "Kill it through its framework, or name the API with --marathon URL. Masters end tasks only with all of a framework's (POST /teardown), agents with all of a machine's (rimrock agent drain).",
  },
  CLI_WAITED: {
    message: 'agent {agent} is {state} after {time}',
    hint: 'The order stands. `rimrock agents` says when it is drained; `rimrock tasks --agent {agent}` what runs there.',
  },
  CLI_BAD_CONFIG: {
    message: 'the configuration does not hold:\n{issues}',
    hint: 'Correct {file}, or name the masters with --master.',
  },
  CLI_BAD_MASTER: {
    message: '--master {given}: {problem}',
    hint: 'Write host:port, several with commas between, zk://host:port/path, consul://host:port/prefix or file:///path.',
  },
});
