import Base
import CKernels
import COpenBLAS
import Glibc

/// OpenBLAS, opened after the kernel set has been chosen.
///
/// OpenBLAS 0.3.21 takes CPUs newer than itself for an old core (an AMD Zen 5 for a Haswell, half its
/// speed). It reads `OPENBLAS_CORETYPE` in the library's constructor, so `MathLibrary.setEnvironment` comes first, and the
/// library is opened afterwards, here or by another library that brings it along.
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
        do throws(DynamicLibrary.Missing) {
            let library = try DynamicLibrary("libopenblas.so.0")
            let getCoreName = try library.function(
                "openblas_get_corename", as: vv_openblas_get_corename.self)
            let sgemm = try library.function("cblas_sgemm", as: vv_cblas_sgemm.self)
            let setThreads = try library.function(
                "openblas_set_num_threads", as: vv_openblas_set_num_threads.self)
            setThreads(1)
            return OpenBLAS(
                coreName: getCoreName().map { String(cString: $0) } ?? "unknown core", sgemm: sgemm)
        } catch {
            throw .mathLibraryMissing(library: "OpenBLAS", reason: error.reason, package: "libopenblas0")
        }
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
    /// Sets what OpenBLAS reads when it is opened. Must be called first in `main`: a library that is opened later may
    /// bring it along.
    package static func setEnvironment() {
        if let widestCore { setenv(coreVariable, widestCore, 0) }
        // Without this the library starts a thread per core that would never be given work.
        setenv("OPENBLAS_NUM_THREADS", "1", 1)
    }

    private static let coreVariable = "OPENBLAS_CORETYPE"

    /// The widest kernel set this CPU can run, or nil to leave the choice to the library.
    private static let widestCore: String? = vv_cpu_has_avx512() ? "SkylakeX" : nil
}
