import Glibc

/// A library that is opened when it is needed, not when the program starts: one that brings many others along, or has to
/// find its environment set. It stays open until the process ends.
package struct DynamicLibrary: @unchecked Sendable {
    /// Why a library or a function of it is not there.
    package struct Missing: Error {
        package let reason: String
    }

    // Nothing but dlsym, which any thread may call, is ever given it.
    private let handle: UnsafeMutableRawPointer

    /// - Parameter name: as the linker knows it: "libopenblas.so.0".
    package init(_ name: String) throws(Missing) {
        guard let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) else {
            throw Missing(reason: dlerror().map { String(cString: $0) } ?? "unknown reason")
        }
        self.handle = handle
    }

    /// A function by its name.
    ///
    /// - Parameter type: a pointer type of C that it has.
    package func function<Function>(_ name: String, as type: Function.Type) throws(Missing) -> Function {
        guard let address = dlsym(handle, name) else { throw Missing(reason: "it has no \(name)") }
        return unsafeBitCast(address, to: type)
    }
}
