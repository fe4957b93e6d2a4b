import CKernels
import COneDNN

/// Linear layers over oneDNN: weights in its blocked layout, epilogues fused into the product.
struct OneDNNBackend: Backend {
    /// - Throws: `ModelError.mathLibraryMissing`.
    init() throws {
        if let reason = vv_dnn_open() {
            throw ModelError.mathLibraryMissing(
                library: "oneDNN", reason: String(cString: reason), package: "libdnnl2")
        }
    }

    var description: String { "oneDNN \(String(cString: vv_dnn_version()))" }

    func makeLayer(
        _ linear: Linear, _ epilogue: Epilogue, input: Precision, output: Precision
    ) throws -> any LinearLayer {
        let layer = vv_dnn_layer_create(
            linear.weight, linear.bias, linear.outputs, linear.inputs, epilogue.code, input.code, output.code)
        guard let layer else {
            throw ModelError.mathLibraryFailed(
                library: "oneDNN",
                operation: "a \(linear.inputs)→\(linear.outputs) product in \(input.rawValue)")
        }
        return Layer(layer)
    }

    /// Owns the library's layer. Safe to share: the C functions guard what changes with a lock of their own.
    private final class Layer: LinearLayer, @unchecked Sendable {
        private let layer: OpaquePointer

        init(_ layer: OpaquePointer) { self.layer = layer }

        deinit { vv_dnn_layer_destroy(layer) }

        func apply(rows: Int, input: UnsafeRawPointer, output: UnsafeMutableRawPointer) throws {
            guard vv_dnn_layer_apply(layer, rows, input, output) else {
                throw ModelError.mathLibraryFailed(library: "oneDNN", operation: "a product of \(rows) rows")
            }
        }
    }
}

extension Epilogue {
    fileprivate var code: vv_dnn_epilogue {
        switch self {
        case .bias: VV_DNN_BIAS
        case .gelu: VV_DNN_GELU
        case .residual: VV_DNN_RESIDUAL
        }
    }
}

extension Precision {
    fileprivate var code: vv_dnn_type {
        switch self {
        case .float32: VV_DNN_FLOAT32
        case .bfloat16: VV_DNN_BFLOAT16
        }
    }
}
