import Base
import COneDNN

/// Linear layers over oneDNN: weights in its blocked layout, bias and residual fused into the product.
struct OneDNNBackend: Backend {
    let packsWeights = true

    /// - Throws: `VitvideoError.mathLibraryMissing`.
    init() throws {
        if let reason = vv_dnn_open() {
            throw VitvideoError.mathLibraryMissing(
                library: "oneDNN", reason: String(cString: reason), package: "libdnnl2")
        }
    }

    var description: String {
        "oneDNN \(String(cString: vv_dnn_version())) (\(String(cString: vv_dnn_instruction_set())))"
    }

    func makeLayer(
        _ linear: Linear, _ epilogue: Epilogue, _ precision: Precision, output: Storage
    ) throws -> any LinearLayer {
        switch precision {
        case .float32, .bfloat16:
            return try FloatLayer(linear, epilogue, input: precision.storage, output: output)
        case .int8:
            return try Int8Layer(linear, epilogue, output: output)
        }
    }
}

/// One of the library's products with its packed weights.
///
/// Safe to share: the C functions guard what changes with a lock of their own.
final class OneDNNProduct: @unchecked Sendable {
    private let layer: OpaquePointer

    /// - Parameters:
    ///   - weight: `outputs × inputs`, floats, or for inputs in 8-bit integers signed such.
    ///   - bias: added to the product where there is one.
    ///   - accumulates: whether the product is added to what is in the output.
    /// - Throws: `VitvideoError.mathLibraryFailed`.
    init(
        weight: UnsafeRawPointer?, bias: [Float]? = nil, outputs: Int, inputs: Int, accumulates: Bool = false,
        from input: vv_dnn_type, to output: vv_dnn_type
    ) throws {
        let layer = (bias ?? []).withUnsafeBufferPointer { values in
            vv_dnn_layer_create(
                weight, bias == nil ? nil : values.baseAddress, outputs, inputs, accumulates, input, output)
        }
        guard let layer else {
            throw VitvideoError.mathLibraryFailed(
                library: "oneDNN", operation: "preparing a product of \(inputs) by \(outputs)")
        }
        self.layer = layer
    }

    deinit { vv_dnn_layer_destroy(layer) }

    /// - Throws: `VitvideoError.mathLibraryFailed`.
    func callAsFunction(rows: Int, input: UnsafeRawPointer, output: UnsafeMutableRawPointer) throws {
        guard vv_dnn_layer_apply(layer, rows, input, output) else {
            throw VitvideoError.mathLibraryFailed(library: "oneDNN", operation: "a product of \(rows) rows")
        }
    }
}

/// A layer whose weights are stored as its input is.
private struct FloatLayer: LinearLayer {
    private let product: OneDNNProduct
    private let activation: ActivationStep?

    init(_ linear: Linear, _ epilogue: Epilogue, input: Storage, output: Storage) throws {
        // oneDNN's own GELU costs twice as much as the kernel, which adds the bias as well.
        activation = ActivationStep(epilogue, bias: linear.bias, storage: output)
        let bias = activation == nil && !linear.bias.isEmpty ? linear.bias : nil
        product = try linear.weight.withUnsafeBytes {
            try OneDNNProduct(
                weight: $0.baseAddress, bias: bias, outputs: linear.outputs, inputs: linear.inputs,
                accumulates: epilogue == .residual, from: input.code, to: output.code)
        }
    }

    func apply(
        rows: Int, input: UnsafeRawPointer, output: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer
    ) throws {
        try product(rows: rows, input: input, output: output)
        activation?.apply(rows: rows, to: output)
    }
}

extension Storage {
    /// What oneDNN calls it.
    var code: vv_dnn_type {
        switch self {
        case .float32: VV_DNN_FLOAT32
        case .bfloat16: VV_DNN_BFLOAT16
        }
    }
}
