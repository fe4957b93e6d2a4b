import ArgumentParser
import Base
import Files
import Pipeline
import VideoIO

/// Many inputs, each to outputs of its own.
struct Batch: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Annotate many videos, each to outputs of its own.",
        usage: "vitvideo batch <videos> ... -o <directory> [<options>]",
        discussion: """
            Every video of a directory, to out/NAME.mp4; those that are done already are left alone:
            vitvideo batch videos/ -o out/

            Numbers too, and another container; %s stands for a video's name:
            vitvideo batch 'cam1/*.mkv' cam2/ -o out/%s.mkv --export out/%s.npz --stats out/%s.csv

            A part of the work on one of several machines; long videos are divided by their segments. The same \
            command without --part then does what is left, and joins:
            vitvideo batch videos/ -o out/ --resume --part 3/16

            A video that cannot be annotated is named and counted, and the others go on. The exit status is 0 where all are \
            done, and 65 where some are not. Options are those of 'vitvideo <input>'.
            """)

    @OptionGroup var annotate: Annotate

    func validate() throws {
        guard annotate.output.stats != "-" else {
            throw ValidationError(
                "--stats - is one table, and here are many videos; write --stats out/%s.csv")
        }
        for (option, path) in annotate.output.named where option != "-o" {
            guard path.contains(PictureName.placeholder) else {
                throw ValidationError(
                    "\(option) \(path) names one output for many videos; let %s stand for the name of each, as in "
                        + "\(path.insertingBeforeExtension("-%s"))")
            }
        }
        if let directory = annotate.output.output, !directory.contains(PictureName.placeholder),
            !directory.pathExtension.isEmpty, !directory.hasSuffix("/"), !FileSystem.isDirectory(directory)
        {
            throw ValidationError(
                "-o \(directory) names one output for many videos; name a directory, or let %s stand for the name of each, "
                    + "as in \(directory.insertingBeforeExtension("-%s"))")
        }
    }

    func run() throws {
        let paths = try VideoList.paths(of: annotate.inputs.paths)
        let jobs = zip(paths, PictureName.names(of: paths)).map { path, name in
            BatchJob(input: path, annotate: annotate.of(path, named: name))
        }
        try makeDirectories(of: jobs)
        let parts = try parts(of: jobs)
        let records = try BatchRecords(identity: annotate.settingsIdentity())
        var results: [BatchResult] = []
        for (index, (job, part)) in zip(jobs, parts).enumerated() where part != .nothing {
            if let frames = records.frames(of: job) {
                results.append(BatchResult(job, .doneBefore(frames: frames)))
                continue
            }
            if !annotate.messages.quiet {
                StandardError.line("vitvideo: \(index + 1)/\(jobs.count) \(FileName.shown(job.input))")
            }
            let result = run(job, part: part)
            if case .done(let frames, _) = result.outcome, part == .whole {
                try records.note(job, frames: frames)
            }
            results.append(result)
            if case .interrupted = result.outcome { break }
        }
        try BatchSummary(results, of: jobs.count).end(annotate.messages)
    }

    /// What this run computes of each input. Of a share every input is opened to learn how long it is; one that cannot be
    /// counts as a frame, and fails where it belongs.
    private func parts(of jobs: [BatchJob]) throws -> [BatchShares.Part] {
        guard let share = try annotate.resume.share() else { return jobs.map { _ in .whole } }
        let selection = try annotate.frames.selection()
        let lengths = jobs.map { job in
            let options = ReaderOptions(
                frames: selection, keepAudio: false, threads: 1, videoStream: annotate.frames.videoStream,
                allowsNetwork: annotate.frames.allowNetwork)
            return max(1, (try? VideoReader.open(job.input, options: options))?.info.expectedFrameCount ?? 1)
        }
        return BatchShares.parts(
            ofFrames: lengths, segmentFrames: annotate.resume.segmentFrames, share)
    }

    private func run(_ job: BatchJob, part: BatchShares.Part) -> BatchResult {
        var annotate = job.annotate
        if case .share(let share) = part {
            annotate.resume.part = .share(share)
        } else {
            annotate.resume.part = nil
        }
        defer { Interruption.end() }
        let start = ContinuousClock.now
        do {
            let frames = try annotate.annotateClip(job.input)
            return BatchResult(
                job, .done(frames: frames, seconds: (ContinuousClock.now - start) / .seconds(1)))
        } catch let error as VitvideoError where error.kind == .interrupted {
            return BatchResult(job, .interrupted(error))
        } catch {
            let line = (error as? VitvideoError)?.line { $0.words } ?? "\(error)"
            StandardError.line("vitvideo: \(line)")
            return BatchResult(job, .failed(line))
        }
    }

    private func makeDirectories(of jobs: [BatchJob]) throws {
        for folder in Set(jobs.flatMap { $0.annotate.output.paths.map(\.parentPath) }) {
            try FileSystem.makeOutputDirectory(folder)
        }
    }
}

extension FileSystem {
    /// Makes a directory for outputs, and those above it that are missing.
    ///
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    static func makeOutputDirectory(_ path: String) throws {
        do {
            try makeDirectories(path)
        } catch {
            throw VitvideoError.system(.cannotCreate, cannot: "create", path: path, code: error.code)
        }
    }
}

/// One of the inputs, and the command that annotates it.
struct BatchJob {
    let input: String
    let annotate: Annotate
}

/// What came of one input.
struct BatchResult {
    enum Outcome {
        case done(frames: Int, seconds: Double)
        case doneBefore(frames: Int)
        case failed(String)
        case interrupted(VitvideoError)
    }

    let input: String
    let outcome: Outcome

    init(_ job: BatchJob, _ outcome: Outcome) {
        input = job.input
        self.outcome = outcome
    }
}

extension Annotate {
    /// The same command for one of several inputs.
    fileprivate func of(_ path: String, named name: PictureName) -> Annotate {
        var one = self
        one.inputs.paths = [path]
        one.output.output = output.output.map {
            $0.contains(PictureName.placeholder)
                ? name.path($0) : "\($0)/\(name.stem).mp4".replacing("//", with: "/")
        }
        one.output.export = output.export.map(name.path)
        one.output.stats = output.stats.map(name.path)
        one.output.plot = output.plot.map(name.path)
        one.output.masks = output.masks.map(name.path)
        one.output.coco = output.coco.map(name.path)
        return one
    }
}
