import Glibc

/// A lock with a condition that threads wait for.
///
/// Safe to share: every call is one of POSIX on memory that stays where it is.
package final class Condition: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init() {
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        // Times are those of a clock that nobody sets.
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    package func lock() { pthread_mutex_lock(mutex) }
    package func unlock() { pthread_mutex_unlock(mutex) }

    /// Lets go of the lock until another thread calls `broadcast`, or for no reason.
    package func wait() { pthread_cond_wait(condition, mutex) }

    /// The same, until a time has passed at most.
    ///
    /// - Returns: false where it has passed.
    package func wait(atMost seconds: Double) -> Bool {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let whole = seconds.rounded(.down)
        time.tv_sec += Int(whole)
        time.tv_nsec += Int((seconds - whole) * 1e9)
        if time.tv_nsec >= 1_000_000_000 {
            time.tv_sec += 1
            time.tv_nsec -= 1_000_000_000
        }
        return pthread_cond_timedwait(condition, mutex, &time) == 0
    }

    package func broadcast() { pthread_cond_broadcast(condition) }
}
