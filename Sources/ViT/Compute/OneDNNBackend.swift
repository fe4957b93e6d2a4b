import CKernels
import COneDNN

/// Linear layers over oneDNN: weights in its blocked layout, bias and residual fused into the product.
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
        // oneDNN's own GELU costs twice what the kernel's does, which takes the bias along.
        let bias = epilogue == .gelu ? nil : linear.bias
        let layer = linear.weight.withUnsafeBufferPointer { weight in
            (bias ?? []).withUnsafeBufferPointer { values in
                vv_dnn_layer_create(
                    weight.baseAddress, bias == nil ? nil : values.baseAddress, linear.outputs, linear.inputs,
                    epilogue == .residual, input.code, output.code)
            }
        }
        guard let layer else {
            throw ModelError.mathLibraryFailed(
                library: "oneDNN",
                operation: "a \(linear.inputs)→\(linear.outputs) product in \(input.rawValue)")
        }
        return Layer(layer, gelu: epilogue == .gelu ? GELU(bias: linear.bias, precision: output) : nil)
    }

    /// Owns the library's layer. Safe to share: the C functions guard what changes with a lock of their own.
    private final class Layer: LinearLayer, @unchecked Sendable {
        private let layer: OpaquePointer
        private let gelu: GELU?

        init(_ layer: OpaquePointer, gelu: GELU?) {
            self.layer = layer
            self.gelu = gelu
        }

        deinit { vv_dnn_layer_destroy(layer) }

        func apply(rows: Int, input: UnsafeRawPointer, output: UnsafeMutableRawPointer) throws {
            guard vv_dnn_layer_apply(layer, rows, input, output) else {
                throw ModelError.mathLibraryFailed(library: "oneDNN", operation: "a product of \(rows) rows")
            }
            gelu?.apply(rows: rows, to: output)
        }
    }
}

/// GELU(x + b) over what a product has left behind.
private struct GELU: Sendable {
    let bias: [Float]
    let precision: Precision

    func apply(rows: Int, to values: UnsafeMutableRawPointer) {
        switch precision {
        case .float32:
            vv_bias_gelu(values.assumingMemoryBound(to: Float.self), bias, rows, bias.count)
        case .bfloat16:
            vv_bias_gelu_bf16(values.assumingMemoryBound(to: UInt16.self), bias, rows, bias.count)
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
