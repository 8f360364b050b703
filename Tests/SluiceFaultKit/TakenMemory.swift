internal import Synchronization

/// What a task that hogs memory holds on to.
let taken = Mutex<[[UInt8]]>([])
