import Base
import CKernels
import COpenBLAS
import Foundation

/// OpenBLAS, opened after the kernel set has been chosen.
///
/// OpenBLAS 0.3.21 takes CPUs newer than itself for an old core (an AMD Zen 5 for a Haswell, half its
/// speed). It reads `OPENBLAS_CORETYPE` in the library's constructor, so the variable is set from
/// CPUID first and the library opened with `dlopen` afterwards. Where another library of the process has
/// brought it along already, only `MathLibrary.prepareProcess` comes early enough.
///
/// Products run on the calling thread: parallelism is the caller's.
final class OpenBLAS: Sendable {
    /// The kernel set in use, such as `SkylakeX`.
    let coreName: String
    private let sgemm: vv_cblas_sgemm

    private init(coreName: String, sgemm: @escaping vv_cblas_sgemm) {
        self.coreName = coreName
        self.sgemm = sgemm
    }

    /// The process's one instance.
    ///
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    static func shared() throws -> OpenBLAS { try instance.get() }

    private static let instance = Result<OpenBLAS, VitvideoError> { () throws(VitvideoError) in try load() }

    private static func load() throws(VitvideoError) -> OpenBLAS {
        MathLibrary.setEnvironment()
        // The handle is never closed: the functions stay in use until the process ends.
        guard let library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL) else {
            throw missing(dlerror().map { String(cString: $0) } ?? "unknown reason")
        }
        func symbol(_ name: String) throws(VitvideoError) -> UnsafeMutableRawPointer {
            guard let address = dlsym(library, name) else {
                throw missing("it has no \(name)")
            }
            return address
        }
        let getCoreName = unsafeBitCast(
            try symbol("openblas_get_corename"), to: vv_openblas_get_corename.self)
        let sgemm = unsafeBitCast(try symbol("cblas_sgemm"), to: vv_cblas_sgemm.self)
        let setThreads = unsafeBitCast(
            try symbol("openblas_set_num_threads"), to: vv_openblas_set_num_threads.self)
        setThreads(1)
        let coreName = getCoreName().map { String(cString: $0) } ?? "unknown core"
        return OpenBLAS(coreName: coreName, sgemm: sgemm)
    }

    private static func missing(_ reason: String) -> VitvideoError {
        .mathLibraryMissing(library: "OpenBLAS", reason: reason, package: "libopenblas0")
    }

    /// c [m, n] = alpha · a [m, k] · b + beta · c, row-major with the given row strides in floats.
    ///
    /// - Parameters:
    ///   - aTransposed: whether `a` is stored as [k, m] instead of [m, k].
    ///   - bTransposed: whether `b` is stored as [n, k] instead of [k, n].
    @inline(__always)
    func product(
        _ c: UnsafeMutablePointer<Float>, stride cStride: Int, _ a: UnsafePointer<Float>, stride aStride: Int,
        _ b: UnsafePointer<Float>, stride bStride: Int, aTransposed: Bool = false, bTransposed: Bool, m: Int,
        n: Int, k: Int, alpha: Float = 1, beta: Float = 0
    ) {
        sgemm(
            CblasRowMajor, aTransposed ? CblasTrans : CblasNoTrans, bTransposed ? CblasTrans : CblasNoTrans,
            blasint(m), blasint(n),
            blasint(k), alpha, a, blasint(aStride), b, blasint(bStride), beta, c, blasint(cStride))
    }
}

/// The arithmetic in use.
package enum MathLibrary {
    /// Restarts the program with OpenBLAS's environment where that is not set yet. FFmpeg's own dependencies
    /// load OpenBLAS before `main`, and it looks at its environment only then.
    ///
    /// Must be called first in `main`. Returns where nothing needs to change or the program cannot be restarted,
    /// which costs speed and nothing else.
    package static func prepareProcess() {
        guard getenv(coreVariable) == nil, widestCore != nil else { return }
        setEnvironment()
        execv("/proc/self/exe", CommandLine.unsafeArgv)
    }

    fileprivate static func setEnvironment() {
        if let widestCore { setenv(coreVariable, widestCore, 0) }
        // Without this the library starts a thread per core that would never be given work.
        setenv("OPENBLAS_NUM_THREADS", "1", 1)
    }

    private static let coreVariable = "OPENBLAS_CORETYPE"

    /// The widest kernel set this CPU can run, or nil to leave the choice to the library.
    private static let widestCore: String? = vv_cpu_has_avx512() ? "SkylakeX" : nil
}
