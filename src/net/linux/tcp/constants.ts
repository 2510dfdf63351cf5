/** Numbers and layouts of the kernel interface for streams: those of x86-64 and arm64, as in `../constants.ts`. */
export const SOCK_STREAM = 1;
export const SOCK_NONBLOCK = 0o4000;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const F_SETPIPE_SZ = 1031;

export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_LINGER = 13;
export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;

export const SHUT_WR = 1;

export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EPOLLIN = 0x1;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
/** Bit 31: negative as a signed word, which is how it is passed. */
export const EPOLLET = 1 << 31;

export const SPLICE_F_MOVE = 1;
export const SPLICE_F_NONBLOCK = 2;

export const ENFILE = 23;
export const EMFILE = 24;
export const EINPROGRESS = 115;

/** struct epoll_event, in words of 4 bytes: packed on x86-64, aligned elsewhere. Data is the slot, then its generation. */
export const EPOLL_EVENT =
  process.arch === 'x64'
    ? ({ WORDS: 3, EVENTS: 0, SLOT: 1, GENERATION: 2 } as const)
    : ({ WORDS: 4, EVENTS: 0, SLOT: 2, GENERATION: 3 } as const);
