import Base
import Pipeline
import Report
import VideoIO

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
        case let error as VideoIOError: self.init(ExitStatus(error.kind), error.description)
        case let error as PipelineError: self.init(ExitStatus(error.kind), error.description)
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

    init(_ kind: VideoIOError.Kind) {
        switch kind {
        case .usage: self = .usage
        case .badData: self = .badData
        case .noInput: self = .noInput
        case .unavailable: self = .unavailable
        case .cantCreate: self = .cannotCreate
        case .inputOutput: self = .inputOutput
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

    init(_ kind: ReportError.Kind) {
        switch kind {
        case .badData: self = .badData
        case .noInput: self = .noInput
        case .cannotCreate: self = .cannotCreate
        case .inputOutput: self = .inputOutput
        }
    }
}
