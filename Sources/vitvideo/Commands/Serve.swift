import Archives
import ArgumentParser
import Base
import Files
import FoundationEssentials
import Glibc
import Methods
import Pipeline
import Report
import Server
import ViT
import VideoIO

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at pictures and videos in the browser: click a patch, see what attends to what.",
        usage: """
            vitvideo serve [<files> ...] [<options>]
            """,
        discussion: """
            A page to drop pictures and videos on:
            vitvideo serve --open

            A clip and a directory of pictures, by two models:
            vitvideo serve clip.mp4 photos/ --model dinov2_vits14,supervised

            The page and what it asks for need no network. Only this machine can open it, by the address that is \
            printed, unless --host says otherwise. Ctrl-C ends it.
            """)

    @Argument(help: ArgumentHelp("Videos, pictures and directories of pictures.", valueName: "files"))
    var files: [String] = []

    @OptionGroup(title: "Server") var server: ServeOptions
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Classification") var classes: ClassificationOptions
    @OptionGroup(title: "Classification") var head: ClassifierOption
    @OptionGroup(title: "Running") var threads: ThreadOptions
    @OptionGroup(title: "Running") var memory: MemoryOptions

    func validate() throws {
        if files.contains("-") {
            throw ValidationError("frames are read more than once, so not from standard input; give a file")
        }
        try FileArguments.check(
            [("--weights", model.weights), ("--labels", classes.labels), ("--head", head.file)])
        try classes.texts.check(labels: classes.labels, headFile: head.file)
        if model.weights == nil, model.names(in: model.name).count > 1, let option = model.optionOfOneModel {
            throw ValidationError(
                "\(option) is about one model; with several --define names them, and --set says it")
        }
    }

    func run() throws {
        let paths = try paths()
        let models = ServedModels(try servedModels())
        let listener = try HTTPServer(address: server.host, port: server.port)
        let directory = try PrivateDirectory(
            in: (ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp").withoutTrailingSlashes)
        defer { directory.remove() }
        var limits = MediaLibrary.Limits()
        limits.largestBytes = server.maxUpload.bytes
        limits.allBytes = max(limits.allBytes, limits.largestBytes)
        let schedule = threads.schedule(frames: threads.workers ?? 1)
        let looker = FrameLooker(
            workers: schedule.workers, threads: schedule.threadsPerFrame,
            budgetBytes: memory.budgetBytes ?? Self.standardBudget, allowsHugeFrames: memory.allowHugeFrames)
        let jobs = JobList(directory: directory)
        let access = Access(address: server.host, port: listener.port)
        let program = ServedProgram(
            access: access,
            library: MediaLibrary(
                paths: paths, directory: directory, limits: limits, threads: threads.codecThreads),
            models: models, looker: looker, jobs: jobs, version: Version.current)

        Interruption.begin(
            stop: StopRequest(), notice: "closing", abort: directory.remove, stopping: { listener.stop() })
        announce(
            at:
                "http://\(server.host == "0.0.0.0" ? "127.0.0.1" : server.host):\(listener.port)/?token=\(access.token)"
        )
        listener.run(program.answer)
        looker.stop()
        jobs.stop()
    }

    /// Half of what is left to this process.
    private static var standardBudget: Int { (Allocation.current.availableBytes() ?? 4_000_000_000) / 2 }

    private func announce(at address: String) {
        print("vitvideo serves \(address)")
        fflush(nil)
        guard server.open else { return }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let opener = folders.map { "\($0)/xdg-open" }.first { FileSystem.access($0, X_OK) == 0 }
        guard let opener, let browser = try? ChildProcess(opener, [address], readsErrors: false) else {
            StandardError.line("vitvideo: warning: no browser can be opened here; open the address in one")
            return
        }
        SystemThread.start(name: "browser") { _ = browser.wait() }
    }

    /// Videos and pictures as named, and the pictures in directories.
    private func paths() throws -> [String] {
        try files.flatMap { file in
            // A pattern of numbered pictures is no file's name.
            !FileSystem.exists(file) && file.contains("%") ? [file] : try PictureList.paths(of: [file])
        }
    }

    private func servedModels() throws -> [any ServedModel] {
        let identities = try model.listedIdentities()
        var models: [any ServedModel] = []
        var seen: Set<ModelIdentity> = []
        for identity in identities where seen.insert(identity).inserted {
            let loaded = try model.loadAny(identity)
            var name = identities.count == 1 ? loaded.name : identity.shortName
            while models.contains(where: { $0.name == name }) { name += "-2" }
            models.append(try served(loaded, identity, name: name, isMain: models.isEmpty))
        }
        return models
    }

    private func served(
        _ loaded: LoadedModel, _ identity: ModelIdentity, name: String, isMain: Bool
    ) throws -> any ServedModel {
        let arguments = model.arguments(for: identity)
        switch loaded {
        case .plain(let loaded):
            let classification = try classes.classification(
                of: loaded, isMain: isMain, headFile: head.file, wantsNumbers: true, offline: model.offline)
            ModelNotices.print(of: loaded, as: name)
            let probed = ProbedModel(
                loaded, name: name, resolution: model.resolution(for: loaded), classification: classification)
            return ServedTransformer(
                probed, engine: try Engine(model: loaded),
                arguments: arguments + (classification == nil ? [] : classes.arguments)
                    + (isMain ? head.file.map { ["--head", $0] } ?? [] : []))
        case .graph(let loaded):
            let (labels, count) = try classes.classes(
                of: loaded, name: name, isMain: isMain, headFile: head.file, wantsNumbers: true, target: nil,
                offline: model.offline)
            ModelNotices.print(loaded.notices, as: name)
            return try ServedGraph(
                ProbedGraph(
                    loaded, name: name, resolution: model.resolution?.value, labels: labels,
                    shownCount: classes.labels == nil ? 0 : classes.topK, classes: count),
                arguments: arguments + (labels == nil ? [] : classes.arguments))
        }
    }
}
