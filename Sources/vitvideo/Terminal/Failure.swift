import Base
import Checkpoints
import Downloads
import Pipeline
import Probing
import Rendering
import Report
import ViT

/// An error as the person at the terminal meets it: one line and an exit code.
struct Failure: Error {
    let status: ExitStatus
    let message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }

    /// Nil for errors that are not the modules' own, such as those of parsing the command line.
    init?(_ error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let error as VitvideoError:
            self.init(ExitStatus(error.kind), error.line { $0.words })
        case let error as CheckpointError: self.init(ExitStatus(error.kind), error.description)
        case let error as ModelError: self.init(ExitStatus(error), error.description)
        case let error as GradientError: self.init(.usage, error.description)
        case let error as RenderingError: self.init(ExitStatus(error.kind), error.description)
        case let error as PipelineError: self.init(ExitStatus(error.kind), error.description)
        case let error as ProbingError: self.init(ExitStatus(error.kind), error.description)
        case let error as ReportError: self.init(ExitStatus(error.kind), error.description)
        default: return nil
        }
    }
}

extension ExitStatus {
    init(_ kind: VitvideoError.Kind) {
        switch kind {
        case .usage: self = .usage
        case .badData: self = .badData
        case .noInput: self = .noInput
        case .unavailable: self = .unavailable
        case .software: self = .software
        case .cannotCreate: self = .cannotCreate
        case .inputOutput: self = .inputOutput
        case .interrupted: self = .interrupted
        }
    }

    init(_ kind: CheckpointError.Kind) {
        switch kind {
        case .noInput: self = .noInput
        case .invalidData, .unsupported, .refused: self = .badData
        case .cannotCreate: self = .cannotCreate
        case .inputOutput: self = .inputOutput
        }
    }

    init(_ error: ModelError) {
        switch error {
        case .inputTooSmall, .noSuchBlock, .noSuchHead, .unknownModel: self = .usage
        case .weightsDoNotFit, .wrongHash, .labelsDoNotFit: self = .badData
        case .mathLibraryMissing, .mathLibraryFailed, .precisionUnavailable, .weightsNotFound,
            .labelsNotFound:
            self = .unavailable
        case .pullFailed(_, let error), .labelsPullFailed(let error): self.init(error.kind)
        case .cacheNotWritable: self = .cannotCreate
        }
    }

    init(_ kind: DownloadError.Kind) {
        switch kind {
        case .unavailable, .refused: self = .unavailable
        case .wrongContent: self = .badData
        case .cannotCreate: self = .cannotCreate
        case .inputOutput: self = .inputOutput
        case .cancelled: self = .interrupted
        }
    }

    init(_ kind: RenderingError.Kind) {
        switch kind {
        case .invalidOption: self = .usage
        case .drawingFailed: self = .software
        }
    }

    init(_ kind: PipelineError.Kind) {
        switch kind {
        case .usage: self = .usage
        case .badData: self = .badData
        case .cannotCreate: self = .cannotCreate
        case .inputOutput: self = .inputOutput
        }
    }

    init(_ kind: ProbingError.Kind) {
        switch kind {
        // A size that does not fit is an option's fault, as one too small for a patch is.
        case .usage, .memory: self = .usage
        }
    }

    init(_ kind: ReportError.Kind) {
        switch kind {
        case .badData: self = .badData
        case .noInput: self = .noInput
        case .cannotCreate: self = .cannotCreate
        case .inputOutput: self = .inputOutput
        }
    }
}
