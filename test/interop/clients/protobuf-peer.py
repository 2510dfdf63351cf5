"""A scheduler, an operator and an executor that speak the v1 APIs of Mesos in protobuf alone, with Debian's
python3-protobuf and http.client: nothing of ours is between this program and the wire. What the messages are stands in
mesos-messages.txt. `scheduler MASTER AGENT` plays the whole story and prints what it saw as JSON; `executor` is what its task runs.
Whatever it reads must be complete, without a field that is not in the tables, and the very bytes that python would write."""
import base64
import http.client
import json
import os
import queue
import sys
import threading
import uuid

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

HERE = os.path.dirname(os.path.abspath(__file__))
PROTOBUF = 'application/x-protobuf'
FIELD = descriptor_pb2.FieldDescriptorProto
SCALARS = {n: getattr(FIELD, 'TYPE_' + n.upper())
           for n in ('string', 'bytes', 'bool', 'int32', 'int64', 'uint32', 'uint64', 'double')}


def flat(name):
    return name.replace('.', '_')


def load():
    """The messages of the table, by name."""
    lines = [line.split() for line in open(os.path.join(HERE, 'mesos-messages.txt')) if not line.startswith('#')]
    enums = {words[1] for words in lines if words[0] == 'enum'}
    proto = descriptor_pb2.FileDescriptorProto(name='mesos.proto', package='m', syntax='proto2')
    for kind, name, *parts in lines:
        made = proto.message_type.add(name=flat(name))
        if kind == 'enum':  # names of values are those of the scope around the enum
            enum = made.enum_type.add(name='E')
            for part in parts:
                value, number = part.split('=')
                enum.value.add(name=value, number=int(number))
            continue
        for part in parts:
            field, rest = part.split('=')
            number, of = rest.split(':', 1)
            add_field(made, field, int(number), of, enums)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto) if hasattr(pool, 'Add') else pool.AddSerializedFile(proto.SerializeToString())
    get = getattr(message_factory, 'GetMessageClass', None) or message_factory.MessageFactory(pool).GetPrototype
    return {words[1]: get(pool.FindMessageTypeByName('m.' + flat(words[1]))) for words in lines if words[0] == 'message'}


def add_field(made, name, number, of, enums):
    label = {'!': FIELD.LABEL_REQUIRED, '*': FIELD.LABEL_REPEATED}.get(of[-1], FIELD.LABEL_OPTIONAL)
    of = of.rstrip('!*')
    if of.startswith('map:'):
        entry = ''.join(word.capitalize() for word in name.split('_')) + 'Entry'
        nested = made.nested_type.add(name=entry)
        nested.options.map_entry = True
        add_field(nested, 'key', 1, 'string', enums)
        add_field(nested, 'value', 2, of[4:], enums)
        made.field.add(name=name, number=number, label=FIELD.LABEL_REPEATED, type=FIELD.TYPE_MESSAGE,
                       type_name='.m.%s.%s' % (made.name, entry))
        return
    field = made.field.add(name=name, number=number, label=label)
    if of in SCALARS:
        field.type = SCALARS[of]
    elif of in enums:
        field.type, field.type_name = FIELD.TYPE_ENUM, '.m.%s.E' % flat(of)
    else:
        field.type, field.type_name = FIELD.TYPE_MESSAGE, '.m.' + flat(of)


MESSAGES = load()


def write(name, call):
    return json_format.ParseDict(call, MESSAGES[name]()).SerializeToString()


def read(name, data):
    message = MESSAGES[name]()
    message.ParseFromString(data)
    if not message.IsInitialized():
        raise Exception('%s is not complete: %s' % (name, message.FindInitializationErrors()))
    before = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != before:
        raise Exception('%s has fields that nobody knows: %s' % (name, data.hex()))
    if message.SerializeToString(deterministic=True) != data:
        raise Exception('%s is written otherwise: %s' % (name, data.hex()))
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


class Api:
    def __init__(self, address, path, call, answer):
        self.address, self.path, self.call, self.answer = address, path, call, answer

    def request(self, call, headers=()):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        body = write(self.call, call)
        connection.request('POST', self.path, body,
                           {'Content-Type': PROTOBUF, 'Accept': PROTOBUF, **dict(headers)})
        response = connection.getresponse()
        response.connection = connection
        return response

    def ask(self, call, headers=(), status=202):
        response = self.request(call, headers)
        data = response.read()
        if response.status != status:
            raise Exception('%s: %s %s' % (call['type'], response.status, data))
        return read(self.answer, data) if data and response.getheader('Content-Type') == PROTOBUF else None

    def stream(self, call):
        """The response to a SUBSCRIBE, and its events."""
        response = self.request(call)
        if response.status != 200 or response.getheader('Content-Type') != PROTOBUF:
            raise Exception('%s: %s %s' % (call['type'], response.status, response.read()))
        return response, self.events(response)

    def events(self, response):
        while True:
            length = b''
            while not length.endswith(b'\n'):
                byte = response.read(1)
                if not byte:
                    return
                length += byte
            yield read(self.answer, response.read(int(length)))


class Scheduler:
    def __init__(self, master):
        self.api = Api(master, '/api/v1/scheduler', 'scheduler.Call', 'scheduler.Event')
        self.seen, self.states, self.used = [], {}, set()

    def subscribe(self):
        info = {'user': '', 'name': 'protobuf', 'roles': ['*'], 'failover_timeout': 60.0, 'checkpoint': True,
                'capabilities': [{'type': 'MULTI_ROLE'}, {'type': 'PARTITION_AWARE'}]}
        response, self.stream = self.api.stream({'type': 'SUBSCRIBE', 'subscribe': {'framework_info': info}})
        self.headers = {'Mesos-Stream-Id': response.getheader('Mesos-Stream-Id')}
        subscribed = self.until('SUBSCRIBED')['subscribed']
        self.id = subscribed['framework_id']
        return subscribed

    def do(self, kind, payload=None, status=202):
        call = {'type': kind, 'framework_id': self.id}
        if payload is not None:
            call[kind.lower()] = payload
        self.api.ask(call, self.headers, status)

    def until(self, kind, accept=lambda event: True):
        for event in self.stream:
            self.seen.append(event['type'])
            if event['type'] == 'UPDATE':
                self.updated(event['update']['status'])
            if event['type'] == kind and accept(event):
                return event
        raise Exception('the stream ended before ' + kind)

    def updated(self, status):
        task = status['task_id']['value']
        self.states.setdefault(task, []).append(status['state'])
        if 'uuid' in status:
            self.do('ACKNOWLEDGE', {'agent_id': status['agent_id'], 'task_id': status['task_id'], 'uuid': status['uuid']})

    def reached(self, task, state):
        if state not in self.states.get(task, []):
            self.until('UPDATE', lambda _: state in self.states.get(task, []))


def scalars(**amounts):
    return [{'name': name, 'type': 'SCALAR', 'scalar': {'value': value}} for name, value in amounts.items()]


def operator(master, events):
    api = Api(master, '/api/v1', 'master.Call', 'master.Event')
    try:
        for event in api.stream({'type': 'SUBSCRIBE'})[1]:
            events.put(event)
            if event['type'] == 'FRAMEWORK_REMOVED':
                return
    except Exception as error:
        events.put({'type': 'FAILED', 'why': repr(error)})


READS = ['GET_HEALTH', 'GET_FLAGS', 'GET_VERSION', 'GET_METRICS', 'GET_STATE', 'GET_AGENTS', 'GET_FRAMEWORKS',
         'GET_EXECUTORS', 'GET_OPERATIONS', 'GET_TASKS', 'GET_ROLES', 'GET_WEIGHTS', 'GET_MASTER', 'GET_MAINTENANCE_STATUS',
         'GET_MAINTENANCE_SCHEDULE', 'GET_QUOTA']
AGENT_READS = ['GET_HEALTH', 'GET_FLAGS', 'GET_VERSION', 'GET_METRICS', 'GET_STATE', 'GET_CONTAINERS', 'GET_FRAMEWORKS',
               'GET_EXECUTORS', 'GET_TASKS', 'GET_AGENT']


def story(master, agent):
    events = queue.Queue()
    threading.Thread(target=operator, args=(master, events), daemon=True).start()
    first = events.get(timeout=60)
    scheduler = Scheduler(master)
    subscribed = scheduler.subscribe()
    offer = scheduler.until('OFFERS')['offers']['offers'][0]
    common = {'agent_id': offer['agent_id'], 'resources': scalars(cpus=0.1, mem=32)}
    command = {'shell': False, 'value': '/usr/bin/python3', 'arguments': ['python3', os.path.abspath(__file__), 'executor']}
    executor_id = {'value': 'python'}
    tasks = [
        {'name': 'plain', 'task_id': {'value': 'plain'}, 'command': {'value': 'sleep 1000'}, **common,
         'labels': {'labels': [{'key': 'é', 'value': '😀'}]}},
        {'name': 'own', 'task_id': {'value': 'own'}, **common, 'data': base64.b64encode(b'\0\xff').decode(),
         'executor': {'type': 'CUSTOM', 'executor_id': executor_id, 'command': command,
                      'resources': scalars(cpus=0.1, mem=32)}},
    ]
    scheduler.do('ACCEPT', {'offer_ids': [offer['id']], 'filters': {'refuse_seconds': 0.5},
                            'operations': [{'type': 'LAUNCH', 'launch': {'task_infos': tasks}}]})
    for task in ('plain', 'own'):
        scheduler.reached(task, 'TASK_RUNNING')
    ask = Api(master, '/api/v1', 'master.Call', 'master.Response')
    answers = {kind: ask.ask({'type': kind, 'get_metrics': {}}, status=200) for kind in READS}
    look = Api(agent, '/slave(1)/api/v1', 'agent.Call', 'agent.Response')
    own = {kind: look.ask({'type': kind, 'get_metrics': {}}, status=200) for kind in AGENT_READS}
    where = '/frameworks/%s/executors/python/runs/latest' % scheduler.id['value']
    own['LIST_FILES'] = look.ask({'type': 'LIST_FILES', 'list_files': {'path': where}}, status=200)
    own['READ_FILE'] = look.ask({'type': 'READ_FILE', 'read_file': {'path': where + '/stdout', 'offset': '0'}}, status=200)
    said = base64.b64encode(bytes(range(256))).decode()
    scheduler.do('MESSAGE', {'agent_id': offer['agent_id'], 'executor_id': executor_id, 'data': said})
    heard = scheduler.until('MESSAGE')['message']['data']
    scheduler.do('RECONCILE', {'tasks': [{'task_id': {'value': 'plain'}}, {'task_id': {'value': 'nobody'}}]})
    scheduler.reached('nobody', 'TASK_UNKNOWN')
    for task in ('plain', 'own'):
        scheduler.do('KILL', {'task_id': {'value': task}, 'kill_policy': {'grace_period': {'nanoseconds': '1000000000'}}})
        scheduler.reached(task, 'TASK_KILLED')
    scheduler.do('TEARDOWN')
    for event in scheduler.stream:
        scheduler.seen.append(event['type'])
    shown = [first]
    while shown[-1]['type'] not in ('FRAMEWORK_REMOVED', 'FAILED'):
        shown.append(events.get(timeout=60))
    print(json.dumps({'subscribed': subscribed, 'seen': scheduler.seen, 'states': scheduler.states, 'operator': shown,
                      'echoed': base64.b64decode(heard) == b'echo:' + bytes(range(256)), 'answers': answers, 'agent': own}))


def executor():
    """Runs nothing: its tasks are RUNNING until they are killed; what it is told it says again."""
    api = Api(os.environ['MESOS_AGENT_ENDPOINT'], '/api/v1/executor', 'executor.Call', 'executor.Event')
    token = os.environ.get('MESOS_EXECUTOR_AUTHENTICATION_TOKEN')
    headers = {'Authorization': 'Bearer ' + token} if token else {}
    me = {'framework_id': {'value': os.environ['MESOS_FRAMEWORK_ID']}, 'executor_id': {'value': os.environ['MESOS_EXECUTOR_ID']}}

    def update(task_id, state):
        status = {'task_id': task_id, 'state': state, 'source': 'SOURCE_EXECUTOR', 'executor_id': me['executor_id'],
                  'uuid': base64.b64encode(uuid.uuid4().bytes).decode()}
        api.ask({**me, 'type': 'UPDATE', 'update': {'status': status}}, headers)

    response = api.request({**me, 'type': 'SUBSCRIBE', 'subscribe': {}}, headers)
    for event in api.events(response):
        print(event['type'], flush=True)
        if event['type'] == 'LAUNCH':
            if event['launch']['task']['data'] != 'AP8=':
                raise Exception('not the data of the task: %s' % event)
            update(event['launch']['task']['task_id'], 'TASK_RUNNING')
        elif event['type'] == 'KILL':
            update(event['kill']['task_id'], 'TASK_KILLED')
        elif event['type'] == 'MESSAGE':
            data = b'echo:' + base64.b64decode(event['message']['data'])
            api.ask({**me, 'type': 'MESSAGE', 'message': {'data': base64.b64encode(data).decode()}}, headers)
        elif event['type'] == 'SHUTDOWN':
            return


if __name__ == '__main__':
    executor() if sys.argv[1] == 'executor' else story(sys.argv[2], sys.argv[3])
