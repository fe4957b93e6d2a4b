import Fixtures
import Foundation
import LocalServer
import Pixels
import Synchronization
import Testing
import VideoIO

/// Every option of every subcommand means something: with it a command ends, says or writes something else than
/// without it.
@Suite struct OptionTests {
    /// An option, and a command that it changes.
    struct Row: CustomTestStringConvertible, Sendable {
        let command: String
        /// `--name`, `-t`, or `<value>` for an argument.
        let option: String
        let without: String
        let with: String

        /// - Parameters:
        ///   - without: arguments after the subcommand; `$name` stands for one of `OptionTests.words`.
        ///   - more: what is added to them.
        init(_ command: String, _ option: String, _ without: String, plus more: String) {
            self.init(command, option, without, or: "\(without) \(more)")
        }

        init(_ command: String, _ option: String, _ without: String, or with: String) {
            (self.command, self.option, self.without, self.with) = (command, option, without, with)
        }

        var testDescription: String { "\(command) \(option)" }
    }

    private static let photo = "$photo --export out.npz $tiny"
    private static let assumed = "$photo --export out.npz --resolution 32 --weights $supervised --num-heads 3"
    private static let shown = "$photo -o out.png $tiny"
    private static let clip = "$clip --export out.npz $tiny"
    private static let similar = "--method similarity --query 1,2"
    private static let rollout = "\(photo) --method rollout"
    private static let video = "$clip -o out.mp4 $tiny"
    private static let spoken = "\(clip) --threads 2 --verbose"

    static let annotate: [Row] = [
        Row("annotate", "<input>", photo, or: "$other --export out.npz $tiny"),
        Row("annotate", "--frames", clip, plus: "--frames 2:5"),
        Row("annotate", "-ss", clip, plus: "-ss 1"),
        Row("annotate", "-to", clip, plus: "-to 1"),
        Row("annotate", "-t", clip, plus: "-t 1"),
        Row("annotate", "--video-stream", "$two --export out.npz $tiny", plus: "--video-stream 1"),
        Row("annotate", "--strict", "$cut --export out.npz $tiny", plus: "--strict"),
        Row(
            "annotate", "--allow-network", "http://127.0.0.1:9/a.mp4 --export out.npz $tiny",
            plus: "--allow-network"),

        Row("annotate", "--output", photo, plus: "-o out.png"),
        Row("annotate", "--export", shown, plus: "--export out.npz"),
        Row("annotate", "--dtype", photo, plus: "--dtype float16"),
        Row("annotate", "--stats", shown, plus: "--stats out.csv"),
        Row("annotate", "--plot", shown, plus: "--plot out.svg"),
        Row("annotate", "--masks", photo, plus: "--masks out.png"),
        Row("annotate", "--coco", photo, plus: "--coco out.json"),
        Row("annotate", "--overwrite", "$photo -o taken.png $tiny", plus: "--overwrite"),
        Row("annotate", "--no-audio", video, plus: "--no-audio"),
        Row("annotate", "--no-metadata", video, plus: "--no-metadata"),
        Row("annotate", "--codec", video, plus: "--codec mpeg4"),
        Row("annotate", "--crf", video, plus: "--crf 40"),
        Row("annotate", "--preset", video, plus: "--preset medium"),

        Row("annotate", "--model", "$photo --export out.npz --offline", plus: "--model dino_vitb16"),
        Row("annotate", "--weights", "$photo --export out.npz --offline", plus: "$tiny"),
        Row(
            "annotate", "--num-heads", "$photo --export out.npz --resolution 32 --weights $supervised",
            plus: "--num-heads 4"),
        Row("annotate", "--family", assumed, plus: "--family vit"),
        Row("annotate", "--define", "\(photo) --compare a", plus: "--define $defined --set a:num-heads=3"),
        Row(
            "annotate", "--set", "\(photo) --compare a --define $defined",
            plus: "--set a:num-heads=3"),
        Row("annotate", "--mean", photo, plus: "--mean 0.4"),
        Row("annotate", "--std", photo, plus: "--std 0.25,0.24,0.23"),
        Row("annotate", "--grid", "$photo --export out.npz $tiny", plus: "--grid 2x8"),
        Row("annotate", "--activation", photo, plus: "--activation quick_gelu"),
        Row(
            "annotate", "--checkpoint-key",
            "$photo --export out.npz --weights $training --num-heads 2 --resolution 32",
            plus: "--checkpoint-key student"),
        Row("annotate", "--offline", "$photo --export out.npz --model dino_vits16", plus: "--offline"),
        Row("annotate", "--resolution", photo, plus: "--resolution 48"),
        Row("annotate", "--position-rule", photo, plus: "--position-rule hub"),

        Row("annotate", "--method", photo, plus: "--method features"),
        Row("annotate", "--layer", photo, plus: "--layer 0"),
        Row("annotate", "--blocks", "\(photo) --method flow", plus: "--blocks -1"),
        Row("annotate", "--heads", photo, plus: "--heads 1"),
        Row("annotate", "--fusion", shown, plus: "--fusion max"),
        Row("annotate", "--query", photo, plus: "--query 1,2"),
        Row("annotate", "--head-fusion", rollout, plus: "--head-fusion max"),
        Row("annotate", "--discard-ratio", rollout, plus: "--discard-ratio 0.5"),
        Row("annotate", "--compat", rollout, plus: "--compat vit-explain"),
        Row("annotate", "--class", "\(photo) --method gradient-rollout", plus: "--class 7"),
        Row("annotate", "--channel", "\(photo) --method qk", plus: "--channel 5"),
        Row("annotate", "--feature", "\(photo) --method tokens", plus: "--feature key"),
        Row("annotate", "--features-of", "\(photo) --method features", plus: "--features-of foreground"),
        Row("annotate", "--query-frame", "\(clip) \(similar)", plus: "--query-frame 3"),
        Row("annotate", "--query-image", "\(photo) \(similar)", plus: "--query-image $other"),
        Row("annotate", "--neuron", "\(photo) --method neuron", plus: "--neuron 1:5"),

        Row("annotate", "--view", shown, plus: "--view heatmap"),
        Row("annotate", "--alpha", "\(shown) --view overlay", plus: "--alpha 0.1"),
        Row("annotate", "--colormap", shown, plus: "--colormap viridis"),
        Row("annotate", "--interpolation", shown, plus: "--interpolation nearest"),
        Row("annotate", "--scale", shown, plus: "--scale 0:0.5"),
        Row("annotate", "--threshold", "\(shown) --view mask", plus: "--threshold 0.2"),

        Row("annotate", "--compare", shown, plus: "--compare $plain"),
        Row("annotate", "--panel", shown, plus: "--panel overlay"),

        Row("annotate", "--labels", shown, plus: "--labels $names"),
        Row("annotate", "--text", "$photo --export out.npz $texted", plus: "--text dog"),
        Row(
            "annotate", "--tokenizer", "$photo --export out.npz $texted --text dog",
            plus: "--tokenizer $merges"),
        Row("annotate", "--top-k", "\(shown) --labels $names", plus: "--top-k 1"),
        Row("annotate", "--head", "$photo --export out.npz $headless", plus: "--head $linear"),

        Row("annotate", "--workers", spoken, plus: "--workers 1"),
        Row("annotate", "--threads", "\(clip) --workers 1 --verbose", plus: "--threads 3"),
        Row("annotate", "--backend", "\(photo) --verbose", plus: "--backend openblas"),
        Row("annotate", "--precision", "\(shown) --verbose --precision fp32", plus: "--precision int8"),
        Row("annotate", "--budget-memory", photo, plus: "--budget-memory 100K"),
        // Refused either way, for another reason.
        Row(
            "annotate", "--allow-huge-frames", "\(photo) --resolution 4000 --budget-memory 100K",
            plus: "--allow-huge-frames"),
        Row("annotate", "--resume", video, plus: "--resume"),
        Row("annotate", "--reuse", video, plus: "--reuse 1"),
        Row("annotate", "--segment-frames", "\(video) --resume", plus: "--segment-frames 3"),
        Row("annotate", "--part", "\(video) --resume", plus: "--part 1/2"),
        // Refused, being for the task of a job array, which there is none of here.
        Row("annotate", "--parts", video, plus: "--parts 2"),
        Row("annotate", "--join-only", "\(video) --resume", plus: "--join-only"),
        // Refused either way, for another reason.
        Row("annotate", "--allow-mixed-cpus", video, plus: "--allow-mixed-cpus"),
        Row("annotate", "--progress", photo, plus: "--progress json"),
        Row("annotate", "--quiet", "$cut --export out.npz $tiny", plus: "--quiet"),
        Row("annotate", "--verbose", photo, plus: "--verbose"),
    ]

    /// Those that mean something else than in `annotate`; all others are the same.
    static let batch: [Row] = [
        Row("batch", "<input>", "$clip -o out --quiet $tiny", or: "$other -o out --quiet $tiny"),
        Row("batch", "--output", "$clip --export %s.npz --quiet $tiny", plus: "-o out"),
        Row("batch", "--part", "$clip $other -o out --quiet $tiny --resume", plus: "--part 2/2"),
    ]

    private static let report = "$photo -o report --only heads,prediction $tiny"

    static let probe: [Row] = [
        Row("probe", "<images>", report, or: "$other -o report --only heads,prediction $tiny"),
        Row("probe", "--output", report, plus: "-o elsewhere"),
        Row("probe", "--overwrite", "$photo -o taken --only heads $tiny", plus: "--overwrite"),
        Row("probe", "--only", report, plus: "--only filters"),
        Row("probe", "--figures", "\(report) $other", plus: "--figures 1"),
        Row("probe", "--boxes", "$photo -o report --only class-token $tiny", plus: "--boxes $boxes"),
        Row("probe", "--layer", report, plus: "--layer 0"),
        Row("probe", "--qk-head", "$photo -o report --only qk $tiny", plus: "--qk-head 1"),
        Row(
            "probe", "--discard-ratios", "$photo -o report --only rollout $tiny",
            plus: "--discard-ratios 0.1"),

        Row("probe", "--model", "$photo -o report --offline", plus: "--model dino_vitb16"),
        Row("probe", "--weights", "$photo -o report --only heads --offline", plus: "$tiny"),
        Row(
            "probe", "--num-heads", "$photo -o report --only heads --resolution 32 --weights $supervised",
            plus: "--num-heads 4"),
        Row(
            "probe", "--family",
            "$photo -o report --only heads --resolution 32 --weights $supervised --num-heads 3",
            plus: "--family vit"),
        Row(
            "probe", "--define", "$photo -o report --only heads --resolution 32 --model a",
            plus: "--define $defined --set a:num-heads=3"),
        Row(
            "probe", "--set", "$photo -o report --only heads --resolution 32 --model a --define $defined",
            plus: "--set a:num-heads=3"),
        Row("probe", "--mean", report, plus: "--mean 0.4"),
        Row("probe", "--std", report, plus: "--std 0.25"),
        Row("probe", "--grid", report, plus: "--grid 2x8"),
        Row("probe", "--activation", report, plus: "--activation quick_gelu"),
        Row(
            "probe", "--checkpoint-key",
            "$photo -o report --only heads --weights $training --num-heads 2 --resolution 32",
            plus: "--checkpoint-key student"),
        Row("probe", "--offline", "$photo -o report --model dino_vits16", plus: "--offline"),
        Row("probe", "--resolution", report, plus: "--resolution 48"),
        Row("probe", "--position-rule", report, plus: "--position-rule hub"),

        Row("probe", "--labels", report, plus: "--labels $names"),
        Row("probe", "--text", "$photo -o report --only prediction $texted", plus: "--text dog --text cat"),
        Row(
            "probe", "--tokenizer", "$photo -o report --only prediction $texted --text dog --text cat",
            plus: "--tokenizer $merges"),
        Row("probe", "--top-k", report, plus: "--top-k 1"),
        Row("probe", "--head", "$photo -o report --only prediction $headless", plus: "--head $linear"),

        Row("probe", "--workers", "\(report) $other --threads 2 --verbose", plus: "--workers 1"),
        Row("probe", "--threads", "\(report) --workers 1 --verbose", plus: "--threads 3"),
        Row("probe", "--backend", "\(report) --verbose", plus: "--backend openblas"),
        Row("probe", "--precision", report, plus: "--precision int8"),
        Row("probe", "--budget-memory", report, plus: "--budget-memory 100K"),
        Row(
            "probe", "--allow-huge-frames", "\(report) --resolution 4000 --budget-memory 100K",
            plus: "--allow-huge-frames"),
        Row("probe", "--progress", report, plus: "--progress json"),
        Row("probe", "--quiet", "\(report) $names", plus: "--quiet"),
        Row("probe", "--verbose", report, plus: "--verbose"),
    ]

    private static let neuron = "1:3 -o out.png --steps 3 $tiny"
    private static let examples = "1:3 --examples $clip -o out.png $tiny"
    private static let likened = "0 -o out.png --steps 3 $texted --target logit"
    private static let drawn = "1:3 -o out.png --steps 3 --resolution 32"

    static let neurons: [Row] = [
        Row("neuron", "<units>", neuron, or: "1:4 -o out.png --steps 3 $tiny"),
        Row("neuron", "--target", neuron, plus: "--target key"),
        Row("neuron", "--head", "\(neuron) --target key", plus: "--head 1"),
        Row(
            "neuron", "--labels", "5 -o out.png --steps 3 $tiny --target logit --plot out.svg",
            plus: "--labels $names"),
        Row("neuron", "--text", "\(likened) --text dog", or: "\(likened) --text grass"),
        Row("neuron", "--tokenizer", "\(likened) --text dog", plus: "--tokenizer $merges"),

        Row("neuron", "--output", neuron, plus: "-o elsewhere.png"),
        Row(
            "neuron", "--sheet", "0:1,1:1,1:2 -o out.png --steps 3 $tiny", plus: "--sheet progression"),
        Row("neuron", "--frame-interval", "1:3 -o out.gif --steps 6 $tiny", plus: "--frame-interval 1"),
        Row("neuron", "--export", neuron, plus: "--export out.npz"),
        Row("neuron", "--dtype", "\(neuron) --export out.npz", plus: "--dtype float16"),
        Row("neuron", "--stats", neuron, plus: "--stats out.csv"),
        Row("neuron", "--plot", neuron, plus: "--plot out.svg"),
        Row("neuron", "--overwrite", "1:3 -o taken.png --steps 3 $tiny", plus: "--overwrite"),

        Row("neuron", "--steps", neuron, plus: "--steps 4"),
        Row("neuron", "--copies", neuron, plus: "--copies 3"),
        Row("neuron", "--learning-rate", neuron, plus: "--learning-rate 0.02"),
        Row("neuron", "--tv", neuron, plus: "--tv 1000"),
        Row("neuron", "--jitter", neuron, plus: "--jitter 0"),
        Row("neuron", "--color-shift", neuron, plus: "--color-shift 0.1"),
        Row("neuron", "--noise", neuron, plus: "--noise pixel"),
        Row("neuron", "--noise-scale", neuron, plus: "--noise-scale 3"),
        Row("neuron", "--seed", neuron, plus: "--seed 1"),

        Row("neuron", "--model", "1:3 -o out.png --offline", plus: "--model dino_vitb16"),
        Row("neuron", "--weights", "1:3 -o out.png --steps 3 --offline", plus: "$tiny"),
        Row("neuron", "--num-heads", "\(drawn) --weights $supervised", plus: "--num-heads 4"),
        Row(
            "neuron", "--family", "\(drawn) --weights $supervised --num-heads 3", plus: "--family vit"),
        Row(
            "neuron", "--define", "\(drawn) --model a", plus: "--define $defined --set a:num-heads=3"),
        Row("neuron", "--set", "\(drawn) --model a --define $defined", plus: "--set a:num-heads=3"),
        Row("neuron", "--mean", neuron, plus: "--mean 0.4"),
        Row("neuron", "--std", neuron, plus: "--std 0.25"),
        Row("neuron", "--grid", neuron, plus: "--grid 2x8"),
        Row("neuron", "--activation", neuron, plus: "--activation quick_gelu"),
        Row(
            "neuron", "--checkpoint-key", "\(drawn) --weights $training --num-heads 2",
            plus: "--checkpoint-key student"),
        Row("neuron", "--offline", "1:3 -o out.png --model dino_vits16", plus: "--offline"),
        Row("neuron", "--resolution", neuron, plus: "--resolution 48"),
        Row("neuron", "--position-rule", neuron, plus: "--position-rule hub"),

        Row("neuron", "--backend", "\(neuron) --verbose", plus: "--backend openblas"),
        Row("neuron", "--precision", "\(neuron) --verbose --precision fp32", plus: "--precision bf16"),
        Row("neuron", "--threads", "\(neuron) --verbose --threads 2", plus: "--threads 1"),
        Row("neuron", "--budget-memory", neuron, plus: "--budget-memory 100K"),
        Row("neuron", "--progress", neuron, plus: "--progress json"),
        Row("neuron", "--quiet", "\(drawn) --weights $supervised --num-heads 3", plus: "--quiet"),
        Row("neuron", "--verbose", neuron, plus: "--verbose"),

        Row(
            "neuron", "--allow-huge-frames",
            "1:3 -o out.png $tiny --examples $photo --resolution 4000 --budget-memory 100K",
            plus: "--allow-huge-frames"),
        Row("neuron", "--examples", neuron, or: "1:3 -o out.png $tiny --examples $clip"),
        Row("neuron", "--top", examples, plus: "--top 1"),
        Row("neuron", "--apart", examples, plus: "--apart 0.2"),
        Row(
            "neuron", "--layer", "--examples $photo --examples $other -o out $tiny --show 0",
            plus: "--layer 1"),
        Row(
            "neuron", "--show", "--examples $photo --examples $other -o out $tiny --layer 1 --show 0",
            or: "--examples $photo --examples $other -o out $tiny --layer 1 --show 1 --steps 2"),
    ]

    private static let shape =
        "--image-size 8 --patch-size 4 --width 8 --depth 1 --num-heads 2 --mlp-width 8 --epochs 2"
    private static let trained = "$classes -o out.safetensors --pooling token \(shape)"
    private static let watched = "\(trained) --watch $photo"

    static let train: [Row] = [
        Row("train", "<data>", trained, or: "$spoiled -o out.safetensors --pooling token \(shape)"),
        Row("train", "--validation", trained, plus: "--validation 0.5"),
        Row("train", "--batch-size", trained, plus: "--batch-size 2"),
        Row("train", "--drop-last", "\(trained) --batch-size 3", plus: "--drop-last"),
        Row("train", "--normalization", trained, plus: "--normalization half"),
        Row("train", "--budget-pictures", "\(trained) --verbose", plus: "--budget-pictures 1K"),
        Row("train", "--loader-threads", "\(trained) --verbose", plus: "--loader-threads 2"),
        Row("train", "--strict", "$spoiled -o out.safetensors \(shape)", plus: "--strict"),

        Row("train", "--image-size", trained, plus: "--image-size 16"),
        Row("train", "--crop-from", trained, plus: "--crop-from 12"),
        Row("train", "--crop-padding", trained, plus: "--crop-padding 2"),
        Row("train", "--flip", "\(trained) --no-augment", plus: "--flip"),
        Row("train", "--no-flip", trained, plus: "--no-flip"),
        Row("train", "--rotation", trained, plus: "--rotation 0.1"),
        Row("train", "--zoom", trained, plus: "--zoom 0.5"),
        Row("train", "--mixup", trained, plus: "--mixup 1"),
        Row("train", "--no-augment", trained, plus: "--no-augment"),

        Row("train", "--patch-size", trained, plus: "--patch-size 2"),
        Row("train", "--width", trained, plus: "--width 16"),
        Row("train", "--depth", trained, plus: "--depth 2"),
        Row("train", "--num-heads", trained, plus: "--num-heads 1"),
        Row("train", "--head-width", trained, plus: "--head-width 8"),
        Row("train", "--mlp-width", trained, plus: "--mlp-width 16"),
        Row("train", "--pooling", trained, plus: "--pooling mean"),
        Row("train", "--head-layers", trained, or: "\(trained) --pooling flatten --head-layers 4"),
        Row("train", "--positions", trained, plus: "--positions sincos"),
        Row("train", "--spt", trained, plus: "--spt"),
        Row("train", "--lsa", trained, plus: "--lsa"),
        Row("train", "--lsa-per-head", "\(trained) --lsa", or: "\(trained) --lsa-per-head"),
        Row("train", "--gelu-after-mlp", "\(trained) --recipe probing-vits", plus: "--gelu-after-mlp"),
        Row("train", "--no-gelu-after-mlp", trained, plus: "--no-gelu-after-mlp"),
        Row("train", "--fine-tune", "$classes -o out.safetensors --epochs 1", plus: "--fine-tune $made"),
        Row(
            "train", "--probe", "$classes -o out.safetensors --epochs 1",
            or: "$classes -o out.safetensors --probe $made"),

        Row("train", "--recipe", trained, plus: "--recipe probing-vits"),
        Row("train", "--compat", trained, plus: "--compat keras"),
        Row("train", "--epochs", trained, plus: "--epochs 3"),
        Row("train", "--learning-rate", trained, plus: "--learning-rate 0.01"),
        Row("train", "--schedule", trained, plus: "--schedule constant"),
        Row("train", "--warm-up", trained, plus: "--warm-up 0.7"),
        Row("train", "--weight-decay", trained, plus: "--weight-decay 0.3"),
        Row("train", "--decay", trained, plus: "--decay weights"),
        // Another precision, or a refusal.
        Row("train", "--precision", "\(trained) --precision fp32", or: "\(trained) --precision bf16"),
        Row("train", "--clip", trained, plus: "--clip 0.001"),
        Row("train", "--label-smoothing", trained, plus: "--label-smoothing 0.2"),
        Row("train", "--dropout", trained, plus: "--dropout 0.4"),
        Row("train", "--head-dropout", trained, plus: "--head-dropout 0"),
        Row("train", "--keep", trained, plus: "--keep best"),
        Row("train", "--seed", trained, plus: "--seed 1"),

        Row("train", "--output", trained, plus: "-o elsewhere.safetensors"),
        Row("train", "--resume", trained, plus: "--resume"),
        Row("train", "--save-interval", "\(trained) --verbose", plus: "--save-interval 5"),
        Row("train", "--stats", trained, plus: "--stats out.csv"),
        Row("train", "--plot", trained, plus: "--plot out.svg"),
        Row("train", "--watch", "\(trained) --watch-stats watch.csv", plus: "--watch $photo"),
        Row("train", "-o-watch", "\(watched) --watch-stats watch.csv", plus: "-o-watch watch.mp4"),
        Row("train", "--watch-every", "\(watched) --watch-stats watch.csv", plus: "--watch-every 2"),
        Row("train", "--watch-stats", watched, plus: "--watch-stats watch.csv"),
        Row("train", "--watch-plot", watched, plus: "--watch-plot watch.svg"),
        Row(
            "train", "--overwrite", "$classes -o taken.png --pooling token \(shape)", plus: "--overwrite"),

        Row("train", "--threads", "\(trained) --verbose --threads 2", plus: "--threads 1"),
        Row("train", "--progress", trained, plus: "--progress json"),
        Row("train", "--quiet", trained, plus: "--quiet"),
        Row("train", "--verbose", trained, plus: "--verbose"),
    ]

    private static let followed = "$clip --mask $mask --export out.npz $tiny"
    private static let followedAsIs = "$clip --mask $mask --export out.npz --resolution 32"
    private static let followedVideo = "$clip --mask $mask -o out.mp4 $tiny"

    static let propagate: [Row] = [
        Row("propagate", "<input>", followed, or: "$photo --mask $mask --export out.npz $tiny"),
        Row("propagate", "--frames", followed, plus: "--frames 2:5"),
        Row("propagate", "-ss", followed, plus: "-ss 1"),
        Row("propagate", "-to", followed, plus: "-to 1"),
        Row("propagate", "-t", followed, plus: "-t 1"),
        Row(
            "propagate", "--video-stream", "$two --mask $mask --export out.npz $tiny",
            plus: "--video-stream 1"),
        Row("propagate", "--strict", "$cut --mask $mask --export out.npz $tiny", plus: "--strict"),
        Row(
            "propagate", "--allow-network", "http://127.0.0.1:9/a.mp4 --mask $mask --export out.npz $tiny",
            plus: "--allow-network"),

        Row("propagate", "--output", followed, plus: "-o out.mp4"),
        Row("propagate", "--masks", followed, plus: "--masks out-%05d.png"),
        Row("propagate", "--coco", followed, plus: "--coco out.json"),
        Row("propagate", "--export", followedVideo, plus: "--export out.npz"),
        Row(
            "propagate", "--overwrite", "$photo --mask $mask -o taken.png $tiny", plus: "--overwrite"),
        Row("propagate", "--no-audio", followedVideo, plus: "--no-audio"),
        Row("propagate", "--no-metadata", followedVideo, plus: "--no-metadata"),
        Row("propagate", "--codec", followedVideo, plus: "--codec mpeg4"),
        Row("propagate", "--crf", followedVideo, plus: "--crf 40"),
        Row("propagate", "--preset", followedVideo, plus: "--preset medium"),

        Row("propagate", "--mask", followed, plus: "$corrected"),
        Row(
            "propagate", "--point", "$clip --point 9px,9px --export out.npz $tiny",
            plus: "--point 40px,30px"),
        Row("propagate", "--protocol", followed, plus: "--protocol dinov3"),
        Row("propagate", "--last-frames", followed, plus: "--last-frames 1"),
        Row("propagate", "--radius", followed, plus: "--radius 1"),
        Row("propagate", "--neighbors", followed, plus: "--neighbors 2"),
        Row("propagate", "--temperature", followed, plus: "--temperature 0.5"),
        Row("propagate", "--truth", followed, plus: "--truth $truth"),

        Row(
            "propagate", "--model", "$clip --mask $mask --export out.npz --offline",
            plus: "--model dino_vitb16"),
        Row("propagate", "--weights", "$clip --mask $mask --export out.npz --offline", plus: "$tiny"),
        Row("propagate", "--num-heads", "\(followedAsIs) --weights $supervised", plus: "--num-heads 4"),
        Row(
            "propagate", "--family", "\(followedAsIs) --weights $supervised --num-heads 3",
            plus: "--family vit"),
        Row(
            "propagate", "--define", "\(followedAsIs) --model a",
            plus: "--define $defined --set a:num-heads=3"),
        Row(
            "propagate", "--set", "\(followedAsIs) --model a --define $defined", plus: "--set a:num-heads=3"),
        Row("propagate", "--mean", followed, plus: "--mean 0.4"),
        Row("propagate", "--std", followed, plus: "--std 0.25"),
        Row("propagate", "--grid", followed, plus: "--grid 2x8"),
        Row("propagate", "--activation", followed, plus: "--activation quick_gelu"),
        Row(
            "propagate", "--checkpoint-key", "\(followedAsIs) --weights $training --num-heads 2",
            plus: "--checkpoint-key student"),
        Row(
            "propagate", "--offline", "$clip --mask $mask --export out.npz --model dino_vits16",
            plus: "--offline"),
        Row("propagate", "--resolution", followed, plus: "--resolution 48"),
        Row("propagate", "--position-rule", followed, plus: "--position-rule hub"),

        Row("propagate", "--workers", "\(followed) --threads 2 --verbose", plus: "--workers 1"),
        Row("propagate", "--threads", "\(followed) --workers 1 --verbose", plus: "--threads 3"),
        Row("propagate", "--backend", "\(followed) --verbose", plus: "--backend openblas"),
        Row("propagate", "--precision", "\(followed) --verbose --precision fp32", plus: "--precision bf16"),
        Row("propagate", "--budget-memory", followed, plus: "--budget-memory 100K"),
        Row(
            "propagate", "--allow-huge-frames", "\(followed) --resolution 4000 --budget-memory 100K",
            plus: "--allow-huge-frames"),
        Row("propagate", "--progress", followed, plus: "--progress json"),
        Row("propagate", "--quiet", "$cut --mask $mask --export out.npz $tiny", plus: "--quiet"),
        Row("propagate", "--verbose", followed, plus: "--verbose"),
    ]

    private static let served = "$photo $tiny"
    private static let servedAsIs = "$photo --resolution 32"
    private static let servedTexts = "$photo $texted --text dog --text cat"

    static let serve: [Row] = [
        Row("serve", "<files>", served, or: "$other $tiny"),
        Row("serve", "--port", "\(served) --port 18093", or: "\(served) --port 18094"),
        Row("serve", "--host", served, plus: "--host 127.0.0.2"),
        Row("serve", "--open", served, plus: "--open"),
        Row("serve", "--max-upload", served, plus: "--max-upload 1K"),

        Row("serve", "--model", "$photo --offline", plus: "--model dino_vitb16"),
        Row("serve", "--weights", "$photo --offline", plus: "$tiny"),
        Row("serve", "--num-heads", "\(servedAsIs) --weights $supervised", plus: "--num-heads 4"),
        Row("serve", "--family", "\(servedAsIs) --weights $supervised --num-heads 3", plus: "--family vit"),
        Row(
            "serve", "--define", "\(servedAsIs) --model a", plus: "--define $defined --set a:num-heads=3"),
        Row("serve", "--set", "\(servedAsIs) --model a --define $defined", plus: "--set a:num-heads=3"),
        Row("serve", "--mean", served, plus: "--mean 0.4"),
        Row("serve", "--std", served, plus: "--std 0.25"),
        Row("serve", "--grid", served, plus: "--grid 2x8"),
        Row("serve", "--activation", served, plus: "--activation quick_gelu"),
        Row(
            "serve", "--checkpoint-key", "\(servedAsIs) --weights $training --num-heads 2",
            plus: "--checkpoint-key student"),
        Row("serve", "--offline", "$photo --model dino_vits16", plus: "--offline"),
        Row("serve", "--resolution", served, plus: "--resolution 48"),
        Row("serve", "--position-rule", served, plus: "--position-rule hub"),

        Row("serve", "--labels", served, plus: "--labels $names"),
        Row("serve", "--text", "$photo $texted", plus: "--text dog --text cat"),
        Row("serve", "--tokenizer", servedTexts, plus: "--tokenizer $merges"),
        Row("serve", "--top-k", "\(served) --labels $names", plus: "--top-k 1"),
        Row("serve", "--head", "$photo $headless", plus: "--head $linear"),

        Row("serve", "--workers", "\(served) --threads 2", plus: "--workers 2"),
        Row("serve", "--threads", "\(served) --workers 1", plus: "--threads 3"),
        Row("serve", "--budget-memory", served, plus: "--budget-memory 1K"),
        // Refused either way, for another reason.
        Row(
            "serve", "--allow-huge-frames", "\(served) --resolution 4000 --budget-memory 100K",
            plus: "--allow-huge-frames"),
    ]

    static let models: [Row] = [
        Row("models list", "<filter>", "", or: "dinov3"),
        Row("models pull", "<names>", "dino_vits16", or: "dino_vitb16"),
        Row("models pull", "--quiet", "dino_vits16", plus: "--quiet"),
        Row("models info", "<file>", "$plain --num-heads 3", or: "$names --num-heads 3"),
        Row("models info", "--num-heads", "$plain", plus: "--num-heads 3"),
        Row("models info", "--checkpoint-key", "$training", plus: "--checkpoint-key student"),
        Row("models import", "<file>", "$plain --as dino_vits16", or: "$names --as dino_vits16"),
        Row("models import", "--as", "$plain --as dino_vits16", or: "$plain --as dinov2_vits14"),
        Row("models import", "--name", "$plain", plus: "--name mine"),
        Row(
            "models import", "--checkpoint-key", "$training --as dino_vits16",
            plus: "--checkpoint-key nothing"),
        Row("models verify", "<name>", "dino_vits16", or: "dino_vitb16"),
        Row("models path", "<name>", "", or: "dino_vitb16"),
    ]

    @Test func theTablesNameEveryOptionOfEverySubcommand() throws {
        let all = try Self.declared()
        func options(of command: String) -> Set<Substring> {
            Set(all.filter { $0.hasPrefix("\(command) ") }.map { $0.dropFirst(command.count + 1) })
        }
        #expect(options(of: "batch") == options(of: "annotate"))
        let declared = all.filter { !$0.hasPrefix("batch ") }
        #expect(declared.count > 80)
        let tables =
            (Self.annotate + Self.probe + Self.neurons + Self.propagate + Self.train + Self.serve
            + Self.models)
            .map {
                "\($0.command) \($0.option)"
            }
        #expect(Set(tables).count == tables.count)
        #expect(declared.subtracting(tables).sorted() == [], "options without a row")
        #expect(Set(tables).subtracting(declared).sorted() == [], "rows without an option")
    }

    @Test(arguments: annotate + batch + probe + neurons + propagate + train + serve + models)
    func theOptionMakesADifference(_ row: Row) throws {
        let without = try Self.observeTwice(row.command, row.without)
        let with = try Self.observe(row.command, row.with)
        #expect(with != without, "\(row.option) is ignored: \(with)")
    }

    // MARK: The command line

    /// The part of ArgumentParser's description of the command line that is needed here.
    private struct Description: Decodable {
        struct Command: Decodable {
            let commandName: String
            let arguments: [Argument]?
            let subcommands: [Command]?
        }

        struct Argument: Decodable {
            struct Name: Decodable {
                let kind: String
                let name: String
            }

            let preferredName: Name?
            let valueName: String?

            var option: String {
                guard let preferredName else { return "<\(valueName ?? "")>" }
                return (preferredName.kind == "long" ? "--" : "-") + preferredName.name
            }
        }

        let command: Command
    }

    /// `subcommand option` of every option and argument but the parser's own.
    private static func declared() throws -> Set<String> {
        let dump = try Program.run(Workspace.binary, ["--experimental-dump-help"])
        let root = try JSONDecoder().decode(Description.self, from: Data(dump.output.utf8)).command
        func options(_ command: Description.Command, _ path: String) -> [String] {
            let own = (command.arguments ?? []).map(\.option)
                .filter { !["--help", "--version"].contains($0) }
            return own.map { "\(path) \($0)" }
                + (command.subcommands ?? []).flatMap {
                    options($0, path.isEmpty ? $0.commandName : "\(path) \($0.commandName)")
                }
        }
        let subcommands = (root.subcommands ?? []).filter { $0.commandName != "help" }
        return Set(subcommands.flatMap { options($0, $0.commandName) })
    }

    // MARK: What a command does

    /// What can be seen of a run.
    private struct Observation: Equatable, CustomStringConvertible {
        let status: Int32
        let output: String
        let errors: String
        /// By name.
        let files: [String: Data]

        var description: String {
            "status \(status), \(files.mapValues(\.count)), output '\(output)', errors '\(errors)'"
        }
    }

    private static let seen = Mutex<[String: Observation]>([:])

    /// Runs a command twice, once in all for every row that begins with it, and expects the same of both runs:
    /// otherwise a difference would say nothing.
    private static func observeTwice(_ command: String, _ arguments: String) throws -> Observation {
        let key = "\(command) \(arguments)"
        if let known = seen.withLock({ $0[key] }) { return known }
        let (first, second) = (try observe(command, arguments), try observe(command, arguments))
        try #require(first == second, "not the same twice: \(first) \(second)")
        seen.withLock { $0[key] = first }
        return first
    }

    /// Runs a command in a directory of its own that holds `taken.png`, `taken/` and an empty model cache.
    private static func observe(_ command: String, _ arguments: String) throws -> Observation {
        let inputs = try inputs.get()
        let workspace = try Workspace()
        for name in ["taken", "cache"] {
            try FileManager.default.createDirectory(
                atPath: workspace.file(name), withIntermediateDirectories: false)
        }
        try workspace.write("kept".utf8, to: "taken.png")
        let words = arguments.split(separator: " ").flatMap { word in
            word.first == "$" ? inputs.words[String(word.dropFirst())] ?? [String(word)] : [String(word)]
        }
        let cache = workspace.file("cache")
        let environment: [String: String?] = [
            "VITVIDEO_CACHE": cache, "TORCH_HOME": cache, "HF_HOME": cache,
            "VITVIDEO_MIRROR": inputs.server.url(""),
        ]
        let outcome =
            command == "serve"
            ? try observeServer(words, in: workspace, environment)
            : try workspace.run(
                command.split(separator: " ").map(String.init) + words, environment: environment)
        var files: [String: Data] = [:]
        // What a batch notes of its files holds their times.
        for name in try FileManager.default.subpathsOfDirectory(atPath: workspace.path)
        where !name.contains(".vitvideo-batch/") {
            files[name] = (try? workspace.bytes(of: name)) ?? Data()
        }
        return Observation(
            status: outcome.status, output: outcome.output.replacing(workspace.path, with: "."),
            errors: timeless(outcome.errors).replacing(workspace.path, with: "."), files: files)
    }

    /// Starts a server, asks it about its file, uploads one, and ends it. Its answers are the output.
    ///
    /// A port that it chose by itself is none of its options'.
    private static func observeServer(
        _ words: [String], in workspace: Workspace, _ environment: [String: String?]
    ) throws -> Program.Outcome {
        try workspace.makeDirectory("bin")
        try workspace.write("#!/bin/sh\necho \"$1\" | cut -c1-16 > opened\n".utf8, to: "bin/xdg-open")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: workspace.file("bin/xdg-open"))
        let path = "\(workspace.file("bin")):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
        let port = words.contains("--port") ? [] : ["--port", "0"]
        let server = try ServerProgram(
            in: workspace, words + port, environment: environment.merging(["PATH": path]) { $1 })
        guard server.port != 0 else { return try server.stop() }
        let name = try #require(words.first).split(separator: "/").last.map(String.init) ?? ""
        var said = port.isEmpty ? "\(server.host):\(server.port)" : server.host
        for target in [
            "info", "frames/\(name)/0", "frames/\(name)/0/attention", "command?media=\(name)&layer=0",
        ] {
            let answer = try server.get("/api/\(target)")
            let text = String(validating: answer.body, as: UTF8.self).map(timeless)
            said += "\n\(answer.status) \(text ?? answer.body.base64EncodedString())"
        }
        let upload = try server.exchange(
            "POST", "/api/media?name=a.png", body: Data(repeating: 7, count: 2000))
        said += "\n\(upload.status)"
        if words.contains("--open") {
            while !FileManager.default.fileExists(atPath: workspace.file("opened")) { sched_yield() }
        }
        let outcome = try server.stop()
        try FileManager.default.removeItem(atPath: workspace.file("bin"))
        return Program.Outcome(status: outcome.status, output: said, errors: outcome.errors)
    }

    /// Without what depends on how long the run took.
    private static func timeless(_ text: String) -> String {
        text.split(separator: "\n").filter { !$0.contains("busy ") && !$0.contains("bottleneck: ") }
            .joined(separator: "\n")
            .replacing(/\d+\.\d\d (s|fps|a second)/, with: "")
            .replacing(/\d+ (s|min|h) on one core/, with: "")
    }

    /// The files that rows name, and the server in place of the models' publishers.
    ///
    /// `@unchecked Sendable`: the directory is only kept, not used, once the value is made.
    private final class Inputs: @unchecked Sendable {
        let words: [String: [String]]
        let server: TestServer
        private let workspace: Workspace

        init() throws {
            let workspace = try Workspace()
            self.workspace = workspace
            server = try TestServer { request, _ in
                ServedFile(bytes: Array("no weights".utf8)).response(to: request)
            }
            let picture = "testsrc=size=64x48:rate=5:duration=2"
            try workspace.ffmpeg("-f", "lavfi", "-i", picture, "-frames:v", "1", "photo.png")
            try workspace.ffmpeg("-f", "lavfi", "-i", picture, "-vf", "hflip", "-frames:v", "1", "other.png")
            let encoded = ["-c:v", "mpeg4", "-c:a", "aac", "-shortest"]
            try workspace.ffmpeg(
                arguments: ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=duration=2"] + encoded
                    + ["-metadata", "title=a title", "clip.mkv"])
            try workspace.ffmpeg(
                arguments: ["-i", "clip.mkv", "-i", "other.png", "-map", "0:v", "-map", "1:v"] + encoded
                    + ["two.mkv"])
            let whole = try workspace.bytes(of: "clip.mkv")
            try workspace.write(whole.prefix(whole.count / 2), to: "cut.mkv")
            for folder in ["classes", "spoiled"] {
                try workspace.makeDirectory(folder)
                for (kind, filter) in ["null", "hflip"].enumerated() {
                    try workspace.makeDirectory("\(folder)/\(kind)")
                    try workspace.ffmpeg(
                        "-f", "lavfi", "-i", picture, "-vf", filter, "-frames:v", "5",
                        "\(folder)/\(kind)/%d.png")
                }
            }
            try workspace.write("no picture".utf8, to: "spoiled/0/9.png")
            try workspace.write((0..<11).map { "kind \($0)\n" }.joined().utf8, to: "names.txt")
            // CLIP's bytes without a merge.
            try workspace.write("#version: 0.2\n".utf8, to: "merges")
            try workspace.write("photo.png,10,10,30,30,3\n".utf8, to: "boxes.csv")
            // Objects for the 64×48 pixels of the clip, and their true masks in its ten frames.
            let masks = try [0, 20].map { left in
                var mask = IndexMask(height: 48, width: 64)
                for row in 10..<30 { for column in 12..<40 { mask[row, column + left] = 1 } }
                return try MaskPicture.pngBytes(mask)
            }
            for (name, bytes) in zip(["mask.png", "mask2.png"], masks) {
                try workspace.write(bytes, to: name)
            }
            try workspace.makeDirectory("truth")
            for index in 0..<10 { try workspace.write(masks[0], to: "truth/\(index).png") }
            let supervised = Golden.path("supervised", "weights")
            try workspace.succeed(
                ["train", "classes", "-o", "made.safetensors", "--quiet"]
                    + OptionTests.shape.split(separator: " ").map(String.init) + [
                        "--pooling", "token", "--no-gelu-after-mlp",
                    ])
            words = [
                "classes": [workspace.file("classes")], "spoiled": [workspace.file("spoiled")],
                "made": [workspace.file("made.safetensors")],
                "photo": [workspace.file("photo.png")], "other": [workspace.file("other.png")],
                "clip": [workspace.file("clip.mkv")], "two": [workspace.file("two.mkv")],
                "mask": [workspace.file("mask.png")], "truth": [workspace.file("truth")],
                "cut": [workspace.file("cut.mkv")], "names": [workspace.file("names.txt")],
                "boxes": [workspace.file("boxes.csv")],
                "corrected": ["--mask", "3=\(workspace.file("mask2.png"))"],
                "supervised": [supervised], "plain": [Golden.path("plain", "weights")],
                "texted": [
                    "--weights", Fixtures.golden("texts/clip_transformers").path, "--resolution", "16",
                ],
                "merges": [workspace.file("merges")],
                "defined": ["a=\(Golden.path("plain", "weights"))"],
                "training": [Fixtures.golden("families/dino.pth").path],
                "linear": [Fixtures.golden("families/linear_small.safetensors").path],
                "tiny": [
                    "--weights", supervised, "--num-heads", "3", "--resolution", "32", "--family", "vit",
                ],
                "headless": [
                    "--weights", Fixtures.golden("families/linear_backbone.safetensors").path, "--num-heads",
                    "2", "--resolution", "32",
                ],
            ]
        }
    }

    /// Made by the first row; its directory is removed at the end of the process.
    private static let inputs = Result { () throws -> Inputs in
        let inputs = try Inputs()
        kept = inputs
        atexit { OptionTests.kept = nil }
        return inputs
    }

    /// Keeps the directory; touched once at the start and once at the end of the process.
    nonisolated(unsafe) private static var kept: Inputs?
}

extension Workspace {
    fileprivate func ffmpeg(arguments: [String]) throws {
        let outcome = try Program.run(
            "ffmpeg", ["-v", "error", "-nostdin", "-y"] + arguments, directory: path)
        try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
    }
}
