import Base
import Glibc

/// A directory for a process's own temporary files, which nobody else may look into.
///
/// It is locked while the process lives. What a killed process has left is removed when the next one makes a directory
/// in the same place.
package final class PrivateDirectory: Sendable {
    package let path: String
    private let lock: FileLock

    /// - Parameter parent: such as `/tmp`.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    package init(in parent: String) throws {
        TemporaryEntry.removeAbandoned(in: parent)
        do throws(SystemError) {
            let (lock, path) = try TemporaryEntry.createDirectory(in: parent)
            guard fchmod(lock.descriptor, 0o700) == 0 else {
                let error = SystemError()
                FileSystem.rmdir(path)
                throw error
            }
            (self.lock, self.path) = (lock, path)
        } catch {
            throw VitvideoError.system(
                .cannotCreate, cannot: "create a directory in", path: parent, code: error.code)
        }
    }

    /// Removes it and all that is in it.
    package func remove() { withExtendedLifetime(lock) { FileSystem.removeTree(path) } }
}
