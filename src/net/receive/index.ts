/** The door for threads that do nothing but receive: what else the room has would take megabytes in each of them. */
export { receiveDatagrams } from './receive.ts';
